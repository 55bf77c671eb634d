//! The names and forms of the metrics.
//!
//! Names are those of Prometheus' conventions: `wamp_` first, base units, `_total` behind what only
//! grows, which the library adds as it does the unit.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;
use wamp_core::Tally;
#[cfg(any(feature = "websocket", feature = "rawsocket"))]
use wamp_net::ListenCounts;
use wamp_router::Metrics;
use wamp_router::metrics::{Histogram, RealmMetrics, TransportMetrics};

/// Writes families of metrics, one after the other.
pub(super) struct Families<'a>(pub(super) DescriptorEncoder<'a>);

/// What a series is told apart by within its family.
type Labels<'a> = &'a [(&'static str, &'a str)];

impl Families<'_> {
    pub(super) fn router(&mut self, metrics: &Metrics) -> fmt::Result {
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        let mut build = self.0.encode_descriptor(
            "wamp_build",
            "The version of the router",
            None,
            MetricType::Info,
        )?;
        build.encode_info(&version)?;
        self.sessions(&metrics.realms)?;
        self.messages(metrics)?;
        self.calls(&metrics.realms)?;
        self.events(&metrics.realms)?;
        self.outboxes(&metrics.realms)?;
        self.locks(&metrics.realms)?;
        self.refusals(metrics)?;
        self.transports(&metrics.transports)
    }

    fn sessions(&mut self, realms: &[RealmMetrics]) -> fmt::Result {
        self.realm_gauge("sessions", "Open sessions", realms, |realm| {
            realm.counts.sessions
        })?;
        self.realm_counter("sessions_opened", "Sessions opened", realms, |realm| {
            realm.opened_sessions
        })?;
        let help = "Sessions ended, by how";
        self.realm_tally("sessions_ended", help, "reason", realms, |realm| {
            &realm.ended_sessions
        })?;
        let help = "Time from HELLO to WELCOME";
        self.realm_histogram("session_opening", help, realms, |realm| {
            &realm.opening_latency
        })
    }

    fn messages(&mut self, metrics: &Metrics) -> fmt::Result {
        let realms = &metrics.realms;
        let help = "Messages of sessions received, by kind";
        self.realm_tally("messages_received", help, "kind", realms, |realm| {
            &realm.received
        })?;
        let help = "Messages to sessions put where connections take them from, by kind";
        self.realm_tally("messages_sent", help, "kind", realms, |realm| &realm.sent)?;
        let help = "Messages that could not be sent to their receiver, by kind";
        self.realm_tally("messages_undeliverable", help, "kind", realms, |realm| {
            &realm.undeliverable
        })?;
        let help = "Messages received outside of sessions, by kind";
        let name = "handshake_messages_received";
        self.family(name, help, None, MetricType::Counter, |family| {
            tally(family, "kind", None, &metrics.received)
        })?;
        let help = "Messages sent outside of sessions, by kind";
        let name = "handshake_messages_sent";
        self.family(name, help, None, MetricType::Counter, |family| {
            tally(family, "kind", None, &metrics.sent)
        })
    }

    fn calls(&mut self, realms: &[RealmMetrics]) -> fmt::Result {
        let help = "Calls that wait for the answer of their callee";
        self.realm_gauge("calls_in_flight", help, realms, |realm| {
            realm.calls_in_flight
        })?;
        let help = "Calls that are over, by what became of them";
        self.realm_tally("calls", help, "outcome", realms, |realm| {
            &realm.answered_calls
        })?;
        let help = "Time from a CALL to the answer of its callee";
        self.realm_histogram("call_duration", help, realms, |realm| &realm.call_latency)?;
        let help = "Procedures that are registered";
        self.realm_gauge("registrations", help, realms, |realm| {
            realm.counts.registrations
        })
    }

    fn events(&mut self, realms: &[RealmMetrics]) -> fmt::Result {
        let help = "Topics that somebody has subscribed to";
        self.realm_gauge("subscriptions", help, realms, |realm| {
            realm.counts.subscriptions
        })?;
        let help = "Events dropped for one of their receivers, which takes them too slowly";
        self.realm_counter("events_dropped", help, realms, |realm| {
            realm.counts.dropped_events
        })?;
        let help = "Times that a publisher had to wait for a slow session";
        self.realm_counter("publishers_held", help, realms, |realm| {
            realm.counts.held_publishers
        })?;
        let help = "Times that a session was not read for a while because of its rate";
        self.realm_counter("readers_held", help, realms, |realm| {
            realm.counts.held_readers
        })
    }

    fn outboxes(&mut self, realms: &[RealmMetrics]) -> fmt::Result {
        let help = "Messages that wait to be sent to sessions";
        self.realm_gauge("outbox_messages", help, realms, |realm| {
            realm.outboxes.messages
        })?;
        type Of = fn(&RealmMetrics) -> usize;
        let families: [(_, _, Of); 2] = [
            (
                "outbox",
                "Octets, about, that wait to be sent to sessions",
                |realm| realm.outboxes.octets,
            ),
            (
                "outbox_largest",
                "Octets, about, that wait for the session for which most do",
                |realm| realm.outboxes.largest,
            ),
        ];
        for (name, help, of) in families {
            self.family(
                name,
                help,
                Some(&Unit::Bytes),
                MetricType::Gauge,
                |family| {
                    let mut realms = realms.iter();
                    realms.try_for_each(|realm| {
                        gauge(family, &[("realm", realm.realm.as_str())], &of(realm))
                    })
                },
            )?;
        }
        Ok(())
    }

    fn locks(&mut self, realms: &[RealmMetrics]) -> fmt::Result {
        let help = "Time that the lock of a realm was held, one turn in 61, by kind of message";
        let unit = Some(&Unit::Seconds);
        self.family(
            "realm_lock_held",
            help,
            unit,
            MetricType::Histogram,
            |family| {
                for realm in realms {
                    for held in &realm.lock.held {
                        let labels = [("realm", realm.realm.as_str()), ("kind", held.kind)];
                        histogram(family, &labels, &held.times)?;
                    }
                }
                Ok(())
            },
        )?;
        let help = "Times that the lock of a realm had to be waited for";
        self.realm_counter("realm_lock_contended", help, realms, |realm| {
            realm.lock.contended
        })?;
        let help = "Time that the lock of a realm was waited for";
        self.family(
            "realm_lock_wait",
            help,
            unit,
            MetricType::Counter,
            |family| {
                realms.iter().try_for_each(|realm| {
                    let waited = realm.lock.waited.as_secs_f64();
                    family
                        .encode_family(&[("realm", realm.realm.as_str())])?
                        .encode_counter::<NoLabelSet, f64, f64>(&waited, None)
                })
            },
        )
    }

    fn refusals(&mut self, metrics: &Metrics) -> fmt::Result {
        let help = "Requests that the router refused, by error URI";
        let realms = &metrics.realms;
        self.realm_tally("requests_refused", help, "error", realms, |realm| {
            &realm.refused_requests
        })?;
        let help = "Clients that were not let in, by the reason that they were told";
        self.family(
            "clients_refused",
            help,
            None,
            MetricType::Counter,
            |family| tally(family, "reason", None, &metrics.refused_clients),
        )
    }

    fn transports(&mut self, transports: &[TransportMetrics]) -> fmt::Result {
        let help = "Open connections, by transport";
        self.family("connections", help, None, MetricType::Gauge, |family| {
            let mut transports = transports.iter();
            transports
                .try_for_each(|of| gauge(family, &[("transport", of.transport)], &of.connections))
        })?;
        type Of = fn(&TransportMetrics) -> u64;
        let families: [(_, _, _, Of); 3] = [
            (
                "connections_opened",
                "Connections opened, by transport",
                None,
                |of| of.opened,
            ),
            (
                "received",
                "Octets received, by transport",
                Some(&Unit::Bytes),
                |of| of.octets.received,
            ),
            (
                "sent",
                "Octets sent, by transport",
                Some(&Unit::Bytes),
                |of| of.octets.sent,
            ),
        ];
        for (name, help, unit, count) in families {
            self.family(name, help, unit, MetricType::Counter, |family| {
                let mut transports = transports.iter();
                transports
                    .try_for_each(|of| counter(family, &[("transport", of.transport)], count(of)))
            })?;
        }
        Ok(())
    }

    #[cfg(any(feature = "websocket", feature = "rawsocket"))]
    pub(super) fn listeners(&mut self, listeners: &[(&str, ListenCounts)]) -> fmt::Result {
        type Of<T> = fn(&ListenCounts) -> T;
        let gauges: [(_, _, Of<usize>); 2] = [
            (
                "listener_connections",
                "Connections that have a place, by listener",
                |counts| counts.connections,
            ),
            (
                "listener_handshakes",
                "Connections without a session yet, by listener",
                |counts| counts.handshakes,
            ),
        ];
        for (name, help, of) in gauges {
            self.family(name, help, None, MetricType::Gauge, |family| {
                let mut listeners = listeners.iter();
                listeners.try_for_each(|(address, counts)| {
                    gauge(family, &[("listener", *address)], &of(counts))
                })
            })?;
        }
        let counters: [(_, _, Of<u64>); 2] = [
            (
                "listener_accepted",
                "Connections accepted, by listener",
                |counts| counts.accepted,
            ),
            (
                "listener_held",
                "Times that a listener accepted nobody for a while because of its rate",
                |counts| counts.held,
            ),
        ];
        for (name, help, of) in counters {
            self.family(name, help, None, MetricType::Counter, |family| {
                let mut listeners = listeners.iter();
                listeners.try_for_each(|(address, counts)| {
                    counter(family, &[("listener", *address)], of(counts))
                })
            })?;
        }
        let help = "Connections that came to nothing, by listener and why";
        self.family(
            "listener_failed",
            help,
            None,
            MetricType::Counter,
            |family| {
                let mut listeners = listeners.iter();
                listeners.try_for_each(|(address, counts)| {
                    tally(
                        family,
                        "reason",
                        Some(("listener", *address)),
                        &counts.failed,
                    )
                })
            },
        )
    }

    fn realm_gauge<V: EncodeGaugeValue>(
        &mut self,
        name: &str,
        help: &str,
        realms: &[RealmMetrics],
        of: impl Fn(&RealmMetrics) -> V,
    ) -> fmt::Result {
        self.family(name, help, None, MetricType::Gauge, |family| {
            let mut realms = realms.iter();
            realms
                .try_for_each(|realm| gauge(family, &[("realm", realm.realm.as_str())], &of(realm)))
        })
    }

    fn realm_counter(
        &mut self,
        name: &str,
        help: &str,
        realms: &[RealmMetrics],
        of: impl Fn(&RealmMetrics) -> u64,
    ) -> fmt::Result {
        self.family(name, help, None, MetricType::Counter, |family| {
            let mut realms = realms.iter();
            realms.try_for_each(|realm| {
                counter(family, &[("realm", realm.realm.as_str())], of(realm))
            })
        })
    }

    fn realm_tally(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        realms: &[RealmMetrics],
        of: impl Fn(&RealmMetrics) -> &Tally,
    ) -> fmt::Result {
        self.family(name, help, None, MetricType::Counter, |family| {
            let mut realms = realms.iter();
            realms.try_for_each(|realm| {
                tally(
                    family,
                    label,
                    Some(("realm", realm.realm.as_str())),
                    of(realm),
                )
            })
        })
    }

    fn realm_histogram(
        &mut self,
        name: &str,
        help: &str,
        realms: &[RealmMetrics],
        of: impl Fn(&RealmMetrics) -> &Histogram,
    ) -> fmt::Result {
        let unit = Some(&Unit::Seconds);
        self.family(name, help, unit, MetricType::Histogram, |family| {
            let mut realms = realms.iter();
            realms.try_for_each(|realm| {
                histogram(family, &[("realm", realm.realm.as_str())], of(realm))
            })
        })
    }

    fn family(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        kind: MetricType,
        series: impl FnOnce(&mut MetricEncoder<'_>) -> fmt::Result,
    ) -> fmt::Result {
        let name = format!("wamp_{name}");
        let mut family = self.0.encode_descriptor(&name, help, unit, kind)?;
        series(&mut family)
    }
}

fn gauge(
    family: &mut MetricEncoder<'_>,
    labels: Labels<'_>,
    value: &impl EncodeGaugeValue,
) -> fmt::Result {
    family.encode_family(&labels)?.encode_gauge(value)
}

fn counter(family: &mut MetricEncoder<'_>, labels: Labels<'_>, count: u64) -> fmt::Result {
    family
        .encode_family(&labels)?
        .encode_counter::<NoLabelSet, u64, f64>(&count, None)
}

fn histogram(
    family: &mut MetricEncoder<'_>,
    labels: Labels<'_>,
    histogram: &Histogram,
) -> fmt::Result {
    let buckets = histogram.buckets().map(|(bound, count)| {
        // What took longer is in the last one.
        (
            bound.map_or(f64::INFINITY, |bound| bound.as_secs_f64()),
            count,
        )
    });
    let buckets: Vec<(f64, u64)> = buckets.collect();
    let (sum, count) = (histogram.sum().as_secs_f64(), histogram.count());
    family
        .encode_family(&labels)?
        .encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
}

/// A series for each name of a tally, beside the label that all of them have.
fn tally(
    family: &mut MetricEncoder<'_>,
    label: &'static str,
    common: Option<(&'static str, &str)>,
    tally: &Tally,
) -> fmt::Result {
    for (name, count) in tally.iter() {
        let own = (label, name);
        match common {
            Some(common) => counter(family, &[common, own], count)?,
            None => counter(family, &[own], count)?,
        }
    }
    Ok(())
}
