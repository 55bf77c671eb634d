//! A handler of events returns a value, which nobody gets.

fn main() {}

async fn subscribe(session: wamp_session::Session) {
    let _ = session
        .subscribe("com.example.tick")
        .handler(|count: u32| async move { count + 1 });
}
