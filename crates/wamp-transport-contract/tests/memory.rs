//! The in-memory transport keeps the contract, with payloads of each format.

use wamp_core::MemoryTransport;
use wamp_messages::Format;
use wamp_transport_contract::{Ends, Options, Subject, contract_tests};

struct Memory(Format);

impl Subject for Memory {
    async fn open(&self, _: &Options) -> Ends {
        let (client, server) = MemoryTransport::pair(&self.0);
        Ends::new(client, server)
    }
}

contract_tests!(json, Memory(Format::Json));
contract_tests!(msgpack, Memory(Format::MsgPack));
contract_tests!(cbor, Memory(Format::Cbor));
