//! A WAMP router to embed: realms, broker and dealer.
