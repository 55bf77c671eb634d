//! The serializer of a connection.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use wamp_messages::wire::{DecodeError, EncodeError};
use wamp_messages::{Format, Message};

use crate::batch::{self, BatchSeparator};
use crate::foreign::{self, ForeignSerializer};
use crate::frame::{Frame, Remainder};

/// Turns messages into the frames of one connection, and frames into messages.
///
/// The formats of the specification are called statically; a [foreign](Self::foreign) one is a
/// trait object. Cloning is cheap.
///
/// ```
/// # #[cfg(feature = "json")] {
/// use std::collections::VecDeque;
/// use wamp_serializers::Serializer;
///
/// let mut serializer = Serializer::json();
/// let frame = br#"[48,1,{},"com.example.add",[2,3]]"#;
/// let mut messages = VecDeque::new();
/// serializer.decode(frame[..].into(), &mut messages)?;
///
/// let encoded = serializer.encode(&messages[0])?;
/// assert_eq!(&*encoded.to_bytes(), frame);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Serializer {
    kind: Kind,
    /// What separates the messages of a frame, if it is batched.
    batch: Option<Batch>,
    max_depth: usize,
}

#[derive(Debug, Clone)]
enum Kind {
    #[cfg(feature = "json")]
    Json,
    #[cfg(feature = "msgpack")]
    MsgPack,
    #[cfg(feature = "cbor")]
    Cbor,
    Foreign(Arc<dyn ForeignSerializer>),
}

#[derive(Debug, Clone, Copy, Default)]
struct Batch {
    separator: BatchSeparator,
    /// Whether the separator is that of the first frame received, which has not come yet.
    answering: bool,
}

/// How deeply lists, dicts and CBOR tags may be nested in a message, unless another limit is set.
///
/// The message itself, a list, is the first level. Every known peer reads as much.
pub const DEFAULT_MAX_DEPTH: usize = 64;

/// The deepest limit that can be set: deeper values would overflow the stack of those who decode
/// them by recursion.
pub const MAX_DEPTH: usize = 512;

impl Serializer {
    /// JSON: `wamp.2.json`.
    #[cfg(feature = "json")]
    pub const fn json() -> Self {
        Self::new(Kind::Json)
    }

    /// MessagePack: `wamp.2.msgpack`.
    #[cfg(feature = "msgpack")]
    pub const fn msgpack() -> Self {
        Self::new(Kind::MsgPack)
    }

    /// CBOR: `wamp.2.cbor`.
    #[cfg(feature = "cbor")]
    pub const fn cbor() -> Self {
        Self::new(Kind::Cbor)
    }

    /// A serializer of somebody else's: `wamp.2.NAME`.
    pub fn foreign(serializer: Arc<dyn ForeignSerializer>) -> Self {
        Self::new(Kind::Foreign(serializer))
    }

    const fn new(kind: Kind) -> Self {
        Self {
            kind,
            batch: None,
            max_depth: DEFAULT_MAX_DEPTH,
        }
    }

    /// The serializer of a name such as `json` or `cbor.batched`, if it is one of the
    /// specification's and compiled in.
    pub fn from_name(name: &str) -> Option<Self> {
        match name.strip_suffix(".batched") {
            Some(format) => Self::of_format(format).map(Self::batched),
            None => Self::of_format(name),
        }
    }

    fn of_format(name: &str) -> Option<Self> {
        match name {
            #[cfg(feature = "json")]
            "json" => Some(Self::json()),
            #[cfg(feature = "msgpack")]
            "msgpack" => Some(Self::msgpack()),
            #[cfg(feature = "cbor")]
            "cbor" => Some(Self::cbor()),
            _ => None,
        }
    }

    /// The same with several messages to a frame: `wamp.2.NAME.batched`.
    ///
    /// In a frame of JSON (and of a foreign format of text) each message ends with a separator; in
    /// the others its length stands before it, in 32 bits, big endian.
    #[must_use]
    pub fn batched(mut self) -> Self {
        self.batch = Some(self.batch.unwrap_or_default());
        self
    }

    /// The same with another separator, if it is batched and of text.
    ///
    /// Both separators are read whatever is set here.
    #[must_use]
    pub const fn with_separator(mut self, separator: BatchSeparator) -> Self {
        if let Some(batch) = &mut self.batch {
            batch.separator = separator;
        }
        self
    }

    /// The same for one who answers, a router: it takes over the separator of the first frame that
    /// it decodes.
    #[must_use]
    pub const fn answering(mut self) -> Self {
        if let Some(batch) = &mut self.batch {
            batch.answering = true;
        }
        self
    }

    /// The same with another limit of nested levels, 1 to [`MAX_DEPTH`]; a foreign serializer has
    /// a limit of its own.
    #[must_use]
    pub fn with_max_depth(mut self, max_depth: usize) -> Self {
        self.max_depth = max_depth.clamp(1, MAX_DEPTH);
        self
    }

    /// The limit of nested levels.
    pub const fn max_depth(&self) -> usize {
        self.max_depth
    }

    /// The name, such as `json` or `cbor.batched`.
    pub fn name(&self) -> Cow<'_, str> {
        match (&self.kind, self.is_batched()) {
            #[cfg(feature = "json")]
            (Kind::Json, false) => "json".into(),
            #[cfg(feature = "json")]
            (Kind::Json, true) => "json.batched".into(),
            #[cfg(feature = "msgpack")]
            (Kind::MsgPack, false) => "msgpack".into(),
            #[cfg(feature = "msgpack")]
            (Kind::MsgPack, true) => "msgpack.batched".into(),
            #[cfg(feature = "cbor")]
            (Kind::Cbor, false) => "cbor".into(),
            #[cfg(feature = "cbor")]
            (Kind::Cbor, true) => "cbor.batched".into(),
            (Kind::Foreign(foreign), false) => foreign.name().into(),
            (Kind::Foreign(foreign), true) => format!("{}.batched", foreign.name()).into(),
        }
    }

    /// The WebSocket subprotocol, such as `wamp.2.cbor.batched`.
    pub fn subprotocol(&self) -> String {
        format!("wamp.2.{}", self.name())
    }

    /// The id of the serializer in the handshake of RawSocket, which has no batches: 1 to 3, of a
    /// foreign one 6 to 15.
    pub fn rawsocket_id(&self) -> u8 {
        match &self.kind {
            #[cfg(feature = "json")]
            Kind::Json => 1,
            #[cfg(feature = "msgpack")]
            Kind::MsgPack => 2,
            #[cfg(feature = "cbor")]
            Kind::Cbor => 3,
            Kind::Foreign(foreign) => foreign.rawsocket_id(),
        }
    }

    /// Whether WebSocket frames are binary; those of JSON are text.
    pub fn is_binary(&self) -> bool {
        match &self.kind {
            #[cfg(feature = "json")]
            Kind::Json => false,
            #[cfg(feature = "msgpack")]
            Kind::MsgPack => true,
            #[cfg(feature = "cbor")]
            Kind::Cbor => true,
            Kind::Foreign(foreign) => foreign.is_binary(),
        }
    }

    /// Whether a frame may hold several messages.
    pub const fn is_batched(&self) -> bool {
        self.batch.is_some()
    }

    /// The format of payloads that need not be rewritten for this connection.
    pub fn format(&self) -> Format {
        match &self.kind {
            #[cfg(feature = "json")]
            Kind::Json => Format::Json,
            #[cfg(feature = "msgpack")]
            Kind::MsgPack => Format::MsgPack,
            #[cfg(feature = "cbor")]
            Kind::Cbor => Format::Cbor,
            Kind::Foreign(foreign) => foreign::format_of(foreign),
        }
    }

    /// Encodes one message, without what a batch puts around it: the same frame serves all
    /// connections of this format.
    ///
    /// A payload of this format is shared, not copied; one of another format is rewritten.
    ///
    /// # Errors
    ///
    /// This format has no form for something in the message, most often in its payload.
    pub fn encode(&self, message: &Message) -> Result<Frame, EncodeError> {
        let mut head = BytesMut::new();
        let rest = self.encode_into(message, &mut head, 0)?;
        let head = head.freeze();
        Ok(match rest {
            Some(Remainder { payload, tail }) => Frame {
                head,
                payload,
                tail,
            },
            None => Frame {
                head,
                ..Frame::default()
            },
        })
    }

    /// Appends one message, without what a batch puts around it.
    ///
    /// A payload that has `shared_from` octets or more is shared, not copied, and returned with what is
    /// to follow it; otherwise the whole message is appended. A foreign format has its messages in one
    /// piece, and so it is all of one that is returned.
    ///
    /// # Errors
    ///
    /// This format has no form for something in the message, most often in its payload; nothing is
    /// appended then.
    pub fn encode_into(
        &self,
        message: &Message,
        out: &mut BytesMut,
        shared_from: usize,
    ) -> Result<Option<Remainder>, EncodeError> {
        #[cfg(feature = "__counters")]
        crate::counters::note(crate::counters::Step::encode(&self.format()));
        #[cfg(any(feature = "json", feature = "msgpack", feature = "cbor"))]
        let depth = self.max_depth;
        match &self.kind {
            #[cfg(feature = "json")]
            Kind::Json => {
                crate::writer::write::<crate::json::Json>(message, depth, out, shared_from)
            }
            #[cfg(feature = "msgpack")]
            Kind::MsgPack => {
                crate::writer::write::<crate::msgpack::MsgPack>(message, depth, out, shared_from)
            }
            #[cfg(feature = "cbor")]
            Kind::Cbor => {
                crate::writer::write::<crate::cbor::Cbor>(message, depth, out, shared_from)
            }
            Kind::Foreign(foreign) => {
                let head = foreign::encode(foreign, message)?;
                let frame = Frame {
                    head,
                    ..Frame::default()
                };
                Ok(frame.write_into(out, shared_from))
            }
        }
    }

    /// Decodes a frame, and appends its messages.
    ///
    /// A frame of several messages is decoded as a whole before the first of them is appended.
    ///
    /// # Errors
    ///
    /// The frame is malformed, or holds something other than messages; nothing is appended then.
    pub fn decode(
        &mut self,
        frame: Bytes,
        messages: &mut VecDeque<Message>,
    ) -> Result<(), DecodeError> {
        let Some(batch) = self.batch else {
            messages.push_back(self.decode_one(frame)?);
            return Ok(());
        };
        let before = messages.len();
        let separator = if self.is_binary() {
            None
        } else {
            Some(BatchSeparator::of(&frame)?)
        };
        let whole = frame.len();
        let parts = batch::Parts::new(frame, separator)?;
        for part in parts {
            let decoded = part.and_then(|(offset, part)| {
                if messages.len() - before >= batch::MAX_MESSAGES {
                    return Err(batch::malformed(
                        "it holds more than 65536 messages",
                        offset,
                    ));
                }
                let part = batch::own(part, whole);
                self.decode_one(part).map_err(|error| error.shifted(offset))
            });
            match decoded {
                Ok(message) => messages.push_back(message),
                Err(error) => {
                    messages.truncate(before);
                    return Err(error);
                }
            }
        }
        if let (Some(separator), true) = (separator, batch.answering) {
            self.batch = Some(Batch {
                separator,
                answering: false,
            });
        }
        Ok(())
    }

    fn decode_one(&self, frame: Bytes) -> Result<Message, DecodeError> {
        match &self.kind {
            #[cfg(feature = "json")]
            Kind::Json => crate::reader::read::<crate::json::Json>(&frame, self.max_depth),
            #[cfg(feature = "msgpack")]
            Kind::MsgPack => crate::reader::read::<crate::msgpack::MsgPack>(&frame, self.max_depth),
            #[cfg(feature = "cbor")]
            Kind::Cbor => crate::reader::read::<crate::cbor::Cbor>(&frame, self.max_depth),
            Kind::Foreign(foreign) => foreign.decode_message(frame),
        }
    }

    /// Appends one message as this connection wants it: as it is, or as a part of a batch.
    ///
    /// # Errors
    ///
    /// This format has no form for something in the message; nothing is appended then.
    pub fn append(&self, message: &Message, out: &mut BytesMut) -> Result<(), EncodeError> {
        self.append_part(out, |out| {
            self.encode_into(message, out, usize::MAX).map(drop)
        })
    }

    /// How many octets a batch puts around each message.
    pub fn part_len(&self) -> usize {
        match (self.is_batched(), self.is_binary()) {
            (false, _) => 0,
            (true, false) => 1,
            (true, true) => batch::PREFIX,
        }
    }

    /// Appends one message that `write` encodes, and around it what a batch puts there.
    ///
    /// A transport message holds exactly one message, or of a batched serializer one or more.
    ///
    /// # Errors
    ///
    /// Those of `write`; nothing is appended then.
    pub fn append_part<E>(
        &self,
        out: &mut BytesMut,
        write: impl FnOnce(&mut BytesMut) -> Result<(), E>,
    ) -> Result<(), E> {
        let before = out.len();
        let prefix = if self.is_batched() && self.is_binary() {
            batch::PREFIX
        } else {
            0
        };
        out.put_bytes(0, prefix);
        if let Err(error) = write(out) {
            out.truncate(before);
            return Err(error);
        }
        let begin = before + prefix;
        // No transport takes a message of 2^32 octets.
        let len = u32::try_from(out.len() - begin).unwrap_or(u32::MAX);
        match self.batch {
            None => {}
            Some(_) if prefix > 0 => out[before..begin].copy_from_slice(&len.to_be_bytes()),
            Some(batch) => out.put_u8(batch.separator.octet()),
        }
        Ok(())
    }
}
