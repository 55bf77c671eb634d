//! The race of the addresses of one host: who starts when, and who wins.

use std::future::{Future, poll_fn};
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::dial::Attempt;

/// The order in which addresses are tried: the system's, which prefers some (RFC 6724), but with
/// the families in turn, so that one that is broken as a whole costs one delay only. The first of
/// the system's stays the first.
pub(super) fn order(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let mut unique = Vec::with_capacity(addresses.len());
    for address in addresses {
        if !unique.contains(&address) {
            unique.push(address);
        }
    }
    let preferred = unique.first().is_none_or(SocketAddr::is_ipv6);
    let (one, other): (Vec<_>, Vec<_>) = unique
        .into_iter()
        .partition(|address| address.is_ipv6() == preferred);
    let (mut one, mut other) = (one.into_iter(), other.into_iter());
    let mut order = Vec::with_capacity(one.len() + other.len());
    loop {
        let before = order.len();
        order.extend(one.next());
        order.extend(other.next());
        if order.len() == before {
            order.truncate(MAX_ADDRESSES);
            return order;
        }
    }
}

/// Connects to the addresses in their order, the next one when its predecessor failed or had
/// `delay` for itself. Returns the first connection; none when every attempt failed.
pub(super) async fn race<T, F>(
    addresses: Vec<SocketAddr>,
    delay: Duration,
    connect: impl Fn(SocketAddr) -> F,
    failures: &Failures,
) -> Option<T>
where
    F: Future<Output = io::Result<T>>,
{
    let mut waiting = addresses.into_iter();
    let mut running = Vec::new();
    let mut next = pin!(sleep(Duration::ZERO));
    let mut start = true;
    poll_fn(|cx| {
        loop {
            if start {
                start = false;
                if let Some(address) = waiting.next() {
                    running.push((address, Box::pin(connect(address))));
                    next.as_mut().reset(Instant::now() + delay);
                }
            }
            let mut at = 0;
            while at < running.len() {
                let (address, attempt) = &mut running[at];
                match attempt.as_mut().poll(cx) {
                    Poll::Pending => at += 1,
                    Poll::Ready(Ok(connection)) => return Poll::Ready(Some(connection)),
                    Poll::Ready(Err(error)) => {
                        failures.note(*address, error);
                        drop(running.remove(at));
                        start = true;
                    }
                }
            }
            if waiting.len() == 0 {
                return if running.is_empty() {
                    Poll::Ready(None)
                } else {
                    Poll::Pending
                };
            }
            if !start {
                if next.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                start = true;
            }
        }
    })
    .await
}

/// What failed, kept outside the race so that it survives a timeout.
///
/// Only one task uses it; it is a lock so that dialling can be moved between threads.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<Vec<Attempt>>);

impl Failures {
    pub(super) fn take(&self) -> Vec<Attempt> {
        mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, address: SocketAddr, error: io::Error) {
        tracing::debug!(%address, %error, "an attempt to connect failed");
        let error = Arc::new(error);
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failures.push(Attempt { address, error });
    }
}

/// A name with more addresses than this is not tried further.
const MAX_ADDRESSES: usize = 32;

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn families_take_turns_and_the_preferred_one_begins() {
        let four = ["1.1.1.1:1", "2.2.2.2:1", "3.3.3.3:1"];
        let six = ["[::1]:1", "[::2]:1"];
        assert_eq!(
            order(addresses(&[six[0], six[1], four[0], four[1], four[2]])),
            addresses(&[six[0], four[0], six[1], four[1], four[2]]),
        );
        assert_eq!(
            order(addresses(&[four[0], four[1], six[0]])),
            addresses(&[four[0], six[0], four[1]]),
        );
        assert_eq!(order(addresses(&four)), addresses(&four));
        assert_eq!(order(Vec::new()), Vec::new());
    }

    #[test]
    fn an_address_is_tried_once_and_not_without_end() {
        assert_eq!(
            order(addresses(&["1.1.1.1:1", "1.1.1.1:1"])),
            addresses(&["1.1.1.1:1"]),
        );
        let many = (0..=255).map(|last| SocketAddr::from(([10, 0, 0, last], 1)));
        assert_eq!(order(many.collect()).len(), MAX_ADDRESSES);
    }

    const DELAY: Duration = Duration::from_millis(250);

    /// What an attempt does: wait, then connect or fail.
    type Script = fn(SocketAddr) -> (u64, bool);

    /// Runs a race and returns its winner, when it was over, and who failed.
    async fn run(texts: &[&str], script: Script) -> (Option<SocketAddr>, u64, Vec<SocketAddr>) {
        let begin = Instant::now();
        let failures = Failures::default();
        let connect = async |address| {
            let (milliseconds, works) = script(address);
            if milliseconds == u64::MAX {
                pending::<()>().await;
            }
            sleep(Duration::from_millis(milliseconds)).await;
            works
                .then_some(address)
                .ok_or_else(|| io::ErrorKind::ConnectionRefused.into())
        };
        let winner = race(addresses(texts), DELAY, connect, &failures).await;
        let took = u64::try_from(begin.elapsed().as_millis()).unwrap();
        let failed = failures.take().into_iter().map(|attempt| attempt.address);
        (winner, took, failed.collect())
    }

    #[tokio::test(start_paused = true)]
    async fn the_second_address_waits_for_the_delay_and_wins_over_a_silent_first() {
        let (winner, took, failed) = run(&["[::1]:1", "1.1.1.1:1"], |address| {
            if address.is_ipv6() {
                (u64::MAX, false)
            } else {
                (10, true)
            }
        })
        .await;
        assert_eq!(winner, Some("1.1.1.1:1".parse().unwrap()));
        assert_eq!((took, failed), (260, vec![]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_first_address_that_is_slow_but_quicker_than_the_second_wins() {
        let (winner, took, _) = run(&["[::1]:1", "1.1.1.1:1"], |address| {
            if address.is_ipv6() {
                (300, true)
            } else {
                (100, true)
            }
        })
        .await;
        assert_eq!((winner, took), (Some("[::1]:1".parse().unwrap()), 300));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_starts_the_next_at_once() {
        let (winner, took, failed) =
            run(&["[::1]:1", "1.1.1.1:1"], |address| (5, address.is_ipv4())).await;
        assert_eq!((winner, took), (Some("1.1.1.1:1".parse().unwrap()), 10));
        assert_eq!(failed, addresses(&["[::1]:1"]));
    }

    #[tokio::test(start_paused = true)]
    async fn when_all_fail_each_is_told() {
        let all = ["[::1]:1", "1.1.1.1:1", "[::2]:1"];
        let (winner, _, failed) = run(&all, |_| (0, false)).await;
        assert_eq!((winner, failed), (None, addresses(&all)));
    }
}
