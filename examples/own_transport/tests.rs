//! The transport keeps the contract, and carries sessions.

use wamp::Serializer;
use wamp_transport_contract::{EndOptions, Ends, Options, Pipe, StreamSubject, contract_tests};

use crate::framed::Framed;

struct Subject(Serializer);

impl StreamSubject for Subject {
    async fn open_over(&self, client: Pipe, server: Pipe, options: &Options) -> Ends {
        let framed = |pipe, options: &EndOptions| {
            let framed = Framed::new(pipe, self.0.clone());
            match options.max_len {
                Some(octets) => framed.max_len(octets),
                None => framed,
            }
        };
        Ends::new(
            framed(client, &options.client),
            framed(server, &options.server),
        )
    }
}

contract_tests!(cbor, Subject(Serializer::cbor()), limits, streams);

#[test]
fn the_example_runs() {
    crate::main().unwrap();
}
