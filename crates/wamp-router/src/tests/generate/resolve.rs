//! From a script to messages: the steps resolved against what there is.

use bytes::Bytes;
use wamp_messages::message::{
    Call, Cancel, Error, EventReceived, Publish, Register, Subscribe, Unregister, Unsubscribe,
    Yield,
};
use wamp_messages::options::{
    CallOptions, ErrorDetails, PublishOptions, RegisterOptions, SubscribeOptions, YieldOptions,
};
use wamp_messages::{
    Format, InvokePolicy, MatchPolicy, Message, Payload, PublicationId, RegistrationId, RequestId,
    RequestType, SessionId, SubscriptionId, Uri,
};

use super::{Action, Input, Kind, Name, NewRequest, Publishing, SESSIONS, Step, Which};
use crate::tests::model::{LAST_ID, Model, Session};

impl Step {
    /// Says what happens, given what there is; `None` if the step means nothing now.
    ///
    /// `serial` makes payloads that differ; `sent` are the messages that the router has sent.
    pub(in crate::tests) fn resolve(
        &self,
        model: &Model,
        serial: usize,
        sent: &[(Session, Message)],
    ) -> Option<Input> {
        let present = model.present();
        if let Action::Join = self.action {
            return (present.len() < SESSIONS).then_some(Input::Join);
        }
        let actor = *pick(&present, self.actor)?;
        Some(match &self.action {
            Action::Join => return None,
            Action::Leave => Input::Leave(actor),
            Action::Subscribe {
                request,
                topic,
                policy,
            } => {
                let mut options = SubscribeOptions::default();
                options.match_policy = policy.map(MatchPolicy::new);
                let request = request.of(model, actor);
                let topic = topic.of(&model.topics())?;
                Input::Says(
                    actor,
                    Subscribe {
                        request,
                        options: options.into(),
                        topic,
                    }
                    .into(),
                )
            }
            Action::Unsubscribe { request, which } => {
                let old = old_ids(model, actor);
                let (actor, id) = which.of(actor, model, &model.subscriptions(), &old)?;
                let subscription = SubscriptionId::new(id).ok()?;
                let request = request.of(model, actor);
                Input::Says(
                    actor,
                    Unsubscribe {
                        request,
                        subscription,
                        options: None,
                    }
                    .into(),
                )
            }
            Action::Publish {
                request,
                topic,
                options,
                payload,
            } => {
                let request = request.of(model, actor);
                let topic = topic.of(&model.topics())?;
                let mut options = options.of(model);
                options.enc_algo = payload.enc_algo();
                options.ppt_scheme = payload.ppt_scheme();
                let payload = payload.of(serial);
                Input::Says(
                    actor,
                    Publish {
                        request,
                        options: options.into(),
                        topic,
                        payload,
                    }
                    .into(),
                )
            }
            Action::Register {
                request,
                procedure,
                policy,
                invoke,
            } => {
                let mut options = RegisterOptions::default();
                options.match_policy = policy.map(MatchPolicy::new);
                options.invoke = invoke.map(InvokePolicy::new);
                let request = request.of(model, actor);
                let procedure = procedure.of(&model.procedures())?;
                Input::Says(
                    actor,
                    Register {
                        request,
                        options: options.into(),
                        procedure,
                    }
                    .into(),
                )
            }
            Action::Unregister { request, which } => {
                let old = old_ids(model, actor);
                let (actor, id) = which.of(actor, model, &model.registrations(), &old)?;
                let registration = RegistrationId::new(id).ok()?;
                let request = request.of(model, actor);
                Input::Says(
                    actor,
                    Unregister {
                        request,
                        registration,
                        options: None,
                    }
                    .into(),
                )
            }
            Action::Call {
                request,
                procedure,
                progress,
                payload,
            } => {
                let request = request.of(model, actor);
                let procedure = procedure.of(&model.procedures())?;
                let mut options = CallOptions::default();
                options.enc_algo = payload.enc_algo();
                options.ppt_scheme = payload.ppt_scheme();
                options.progress = progress.then_some(true);
                if serial.is_multiple_of(7) {
                    // Somebody claims to be the session 1.
                    options.caller = SessionId::new(1).ok();
                    options.caller_authid = Some("root".to_owned());
                    options.disclose_me = Some(true);
                }
                let payload = payload.of(serial);
                Input::Says(
                    actor,
                    Call {
                        request,
                        options: options.into(),
                        procedure,
                        payload,
                    }
                    .into(),
                )
            }
            Action::Answer {
                which,
                failed,
                progress,
                payload,
            } => {
                let invoked = |&s: &Session| (1..=model.invocations(s)).map(move |id| (s, id));
                let old: Vec<_> = present.iter().flat_map(invoked).collect();
                let pending = model.pending_invocations();
                let (actor, id) = which.of(actor, model, &pending, &old)?;
                let request = RequestId::new(id).ok()?;
                Input::Says(actor, answer(request, *failed, *progress, *payload, serial))
            }
            Action::Cancel { which } => {
                let old: Vec<_> = (1..=model.last_request(actor).min(99))
                    .map(|id| (actor, id))
                    .collect();
                let (actor, id) = which.of(actor, model, &model.pending_calls(), &old)?;
                let request = RequestId::new(id).ok()?;
                Input::Says(
                    actor,
                    Cancel {
                        request,
                        options: Default::default(),
                    }
                    .into(),
                )
            }
            Action::Acknowledge { which } => {
                let (actor, id) = which.of(actor, model, &[], &old_ids(model, actor))?;
                let publication = PublicationId::new(id).ok()?;
                Input::Says(actor, EventReceived { publication }.into())
            }
            Action::Undeliverable { which, too_long } => {
                let (to, message) = pick_late(sent, *which)?;
                if !present.contains(to) {
                    return None;
                }
                Input::Undeliverable(*to, message.clone(), *too_long)
            }
            Action::Ghost { which } => {
                let gone: Vec<_> = (0..=*present.last()?)
                    .filter(|s| !present.contains(s))
                    .collect();
                let ghost = *pick(&gone, self.actor)?;
                let request = NewRequest::Next.of(model, ghost);
                let topic = Name::Known(*which).of(&model.topics())?;
                let mut options = PublishOptions::default();
                options.acknowledge = Some(true);
                let payload = Kind::Args.of(serial);
                Input::Ghost(
                    ghost,
                    Publish {
                        request,
                        options: options.into(),
                        topic,
                        payload,
                    }
                    .into(),
                )
            }
        })
    }
}

fn answer(
    request: RequestId,
    failed: bool,
    progress: bool,
    payload: Kind,
    serial: usize,
) -> Message {
    if failed {
        let mut details = ErrorDetails::default();
        details.enc_algo = payload.enc_algo();
        Error {
            request_type: RequestType::INVOCATION,
            request,
            details: details.into(),
            error: Uri::from_static("com.example.error"),
            payload: payload.of(serial),
        }
        .into()
    } else {
        let mut options = YieldOptions::default();
        options.progress = progress.then_some(true);
        options.enc_algo = payload.enc_algo();
        options.ppt_scheme = payload.ppt_scheme();
        if serial.is_multiple_of(7) {
            options.callee = SessionId::new(1).ok();
            options.callee_authid = Some("root".to_owned());
        }
        Yield {
            request,
            options: options.into(),
            payload: payload.of(serial),
        }
        .into()
    }
}

impl NewRequest {
    fn of(self, model: &Model, session: Session) -> RequestId {
        let last = model.last_request(session);
        let next = if last == LAST_ID { 1 } else { last + 1 };
        let waiting: Vec<_> = model
            .pending_calls()
            .into_iter()
            .filter(|&(caller, id)| caller == session && id > last)
            .collect();
        let id = match self {
            Self::Next => next,
            Self::Skip(gap) => LAST_ID.min(last + 1 + u64::from(gap)),
            Self::Again(back) => last - u64::from(back) % (last + 1),
            Self::Last => LAST_ID,
            Self::Waiting(which) => pick(&waiting, which).map_or(next, |&(_, id)| id),
        };
        RequestId::new(id).expect("no id is above the last one")
    }
}

impl Which {
    /// The id meant, and who names it; `owned` are those that there are, with their owners, and
    /// `old` those that were used, with who is to name them.
    fn of(
        self,
        actor: Session,
        model: &Model,
        owned: &[(Session, u64)],
        old: &[(Session, u64)],
    ) -> Option<(Session, u64)> {
        match self {
            Self::Own(which) => pick(owned, which).copied(),
            Self::Foreign(which) => {
                let (owner, id) = *pick(owned, which)?;
                let others: Vec<_> = model
                    .present()
                    .into_iter()
                    .filter(|&s| s != owner)
                    .collect();
                Some((*pick(&others, which)?, id))
            }
            Self::Old(which) => pick(old, which).copied(),
            Self::Garbage(id) => Some((actor, id)),
        }
    }
}

impl Name {
    fn of(self, known: &[&str]) -> Option<Uri> {
        match self {
            Self::Known(which) => pick(known, which).map(|name| Uri::from_wire((*name).to_owned())),
            Self::Of(name) => Some(Uri::from_wire(name)),
        }
    }
}

impl Publishing {
    fn of(&self, model: &Model) -> PublishOptions {
        let sessions = |list: &Option<Vec<u16>>| {
            let present = model.present();
            let id = |which: &u16| {
                let session = *pick(&present, *which)?;
                SessionId::new(model.member(session).id).ok()
            };
            list.as_ref()
                .map(|list| list.iter().filter_map(id).collect())
        };
        let names = |list: &Option<Vec<&'static str>>| {
            list.as_ref()
                .map(|list| list.iter().map(|&name| name.to_owned()).collect())
        };
        let mut options = PublishOptions::default();
        options.acknowledge = self.acknowledge;
        options.exclude_me = self.exclude_me;
        options.exclude = sessions(&self.lists.exclude);
        options.exclude_authid = names(&self.lists.exclude_authid);
        options.exclude_authrole = names(&self.lists.exclude_authrole);
        options.eligible = sessions(&self.lists.eligible);
        options.eligible_authid = names(&self.lists.eligible_authid);
        options.eligible_authrole = names(&self.lists.eligible_authrole);
        options
    }
}

impl Kind {
    /// A payload that no other equals. Whoever decoded it would find it malformed.
    fn of(self, serial: usize) -> Payload {
        let args = format!("args {serial}");
        match self {
            Self::Empty => Payload::empty(),
            Self::Args | Self::Passthru => {
                let end = args.len();
                let octets = Bytes::from(args.into_bytes());
                Payload::encoded(Format::MsgPack, octets, end, None).expect("the end is the end")
            }
            Self::ArgsAndKwargs => {
                let end = args.len();
                let octets = Bytes::from(format!("{args}, kwargs").into_bytes());
                Payload::encoded(Format::Json, octets, end, Some(end + 1)).expect("in order")
            }
            Self::Opaque => Payload::opaque(Bytes::from(args.into_bytes())),
        }
    }

    fn ppt_scheme(self) -> Option<String> {
        matches!(self, Self::Passthru).then(|| "x_secret".to_owned())
    }

    fn enc_algo(self) -> Option<String> {
        matches!(self, Self::Opaque).then(|| "x_secret".to_owned())
    }
}

/// Every id that the router has ever chosen, as named by one session.
fn old_ids(model: &Model, session: Session) -> Vec<(Session, u64)> {
    model.ids().into_iter().map(|id| (session, id)).collect()
}

fn pick<T>(list: &[T], which: u16) -> Option<&T> {
    list.get(usize::from(which).checked_rem(list.len())?)
}

/// Picks one of the last few.
fn pick_late<T>(list: &[T], which: u16) -> Option<&T> {
    pick(&list[list.len().saturating_sub(10)..], which)
}
