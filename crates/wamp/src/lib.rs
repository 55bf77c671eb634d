//! WAMP for Rust: sessions to call, register, publish and subscribe, and a router to embed.
