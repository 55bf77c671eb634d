//! A handler of calls returns a plain value, not in `Ok`.

fn main() {}

async fn register(session: wamp_session::Session) {
    let _ = session.register("com.example.add", |a: i64, b: i64| async move { a + b });
}
