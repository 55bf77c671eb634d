//! A handler of calls is no async function.

use wamp_session::ApplicationError;

fn main() {}

fn add(a: i64, b: i64) -> Result<i64, ApplicationError> {
    Ok(a + b)
}

async fn register(session: wamp_session::Session) {
    let _ = session.register("com.example.add", add);
}
