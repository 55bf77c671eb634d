//! The WAMP client: sessions, calls, registrations, publications and subscriptions.
