//! The macros that make a test of each rule.

/// Makes a test of each rule that a transport must keep, in a module of the given name.
///
/// What follows the name is an expression that makes the [`Subject`](crate::Subject), once for each
/// test, and then what the transport has, in any order:
///
/// - `farewell`: its peer can tell a close from a loss;
/// - `limits`: it has a limit of length;
/// - `streams`: it is a [`StreamSubject`](crate::StreamSubject);
/// - `pings`: it is one, and sends pings.
///
/// What a transport does not have leaves no test behind that has tested nothing.
///
/// The tests run in virtual time, which does not go together with sockets of the operating system.
/// For those there is `contract_tests!(in real time: name, subject)`, with `farewell` and `limits`.
#[macro_export]
macro_rules! contract_tests {
    (in real time: $name:ident, $subject:expr $(, $set:ident)* $(,)?) => {
        #[cfg(test)]
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $crate::__rules!(delivery, in_real_time, $subject);
            $crate::__rules!(flow, in_real_time, $subject);
            $crate::__rules!(closing, in_real_time, $subject);
            $($crate::__rules!($set, in_real_time, $subject);)*
        }
    };
    ($name:ident, $subject:expr $(, $set:ident)* $(,)?) => {
        #[cfg(test)]
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $crate::__rules!(delivery, in_virtual_time, $subject);
            $crate::__rules!(flow, in_virtual_time, $subject);
            $crate::__rules!(closing, in_virtual_time, $subject);
            $crate::__rules!(patience, in_virtual_time, $subject);
            $($crate::__rules!($set, in_virtual_time, $subject);)*
        }
    };
}

/// The rules of each set, one test each.
#[doc(hidden)]
#[macro_export]
macro_rules! __rules {
    (@tests $set:ident, $run:ident, $subject:expr, $($rule:ident)*) => {
        $(
            #[test]
            fn $rule() {
                let subject = $subject;
                $crate::$run($crate::rules::$set::$rule(&subject));
            }
        )*
    };
    (delivery, $run:ident, $subject:expr) => {
        $crate::__rules! { @tests delivery, $run, $subject,
            messages_arrive_in_the_order_in_which_they_were_sent
            every_kind_of_message_arrives_as_it_was_sent
            a_payload_of_another_format_arrives_with_the_same_values
            a_message_without_a_form_hurts_no_other
            what_was_flushed_needs_no_further_push
            messages_that_are_buffered_are_returned_without_waiting
            receiving_can_be_given_up_at_any_poll_without_loss
            a_message_wakes_whoever_polled_last
            what_was_sent_before_closing_arrives
            it_says_what_it_is
            octets_are_counted_alike_on_both_sides
        }
    };
    (flow, $run:ident, $subject:expr) => {
        $crate::__rules! { @tests flow, $run, $subject,
            a_hundred_megabytes_each_way_wait_and_then_pass
            sending_that_waits_does_not_stop_receiving
            room_wakes_whoever_waits_to_send
            who_waits_for_room_learns_that_the_peer_is_gone
            a_peer_may_close_while_it_is_sent_much
            a_long_message_leaves_the_other_direction_free
        }
    };
    (closing, $run:ident, $subject:expr) => {
        $crate::__rules! { @tests closing, $run, $subject,
            a_peer_that_closes_in_order_is_told_as_closed
            a_closed_transport_takes_and_gives_nothing
            nothing_is_sent_or_received_once_closing_has_begun
            the_reason_of_the_first_close_counts
            both_sides_may_close_at_once
            a_last_word_is_heard_by_who_sends_first
            aborting_is_immediate_and_may_be_repeated
            the_peer_of_who_aborts_learns_it
            the_peer_of_who_is_dropped_learns_it
            aborting_ends_a_close_under_way
            closing_what_is_lost_ends_at_once
        }
    };
    (patience, $run:ident, $subject:expr) => {
        $crate::__rules! { @tests patience, $run, $subject,
            closing_ends_though_the_peer_does_nothing
            closing_ends_though_the_peer_reads_nothing
            closing_ends_though_the_peer_does_not_stop_sending
            an_idle_connection_stays
        }
    };
    (farewell, $run:ident, $subject:expr) => {
        $crate::__rules! { @tests farewell, $run, $subject,
            one_who_is_gone_without_closing_is_lost
            a_complaint_is_told
        }
    };
    (limits, $run:ident, $subject:expr) => {
        $crate::__rules! { @tests limits, $run, $subject,
            messages_arrive_up_to_the_limit_and_longer_ones_come_back
            a_message_that_the_peer_finds_too_long_is_not_just_missing
            a_transport_that_is_ready_takes_the_longest_message
        }
    };
    (streams, $run:ident, $subject:expr) => {
        $crate::__rules! { @tests streams, $run, $subject,
            octets_may_come_one_at_a_time
            receiving_can_be_given_up_after_each_octet
            octets_may_be_split_joined_and_late
            a_connection_may_be_cut_at_any_octet
            a_connection_may_stall_at_any_octet
            any_octet_may_be_corrupted
            a_direction_that_has_ended_ends_the_transport
        }
    };
    (pings, $run:ident, $subject:expr) => {
        $crate::__rules! { @tests pings, $run, $subject,
            a_peer_that_gives_no_sign_of_life_is_lost
            a_peer_that_falls_silent_at_any_octet_is_lost
            a_peer_that_takes_nothing_is_lost_too
            two_idle_ends_keep_each_other_alive
            a_peer_that_nobody_listened_to_is_not_lost
            messages_pass_between_pings
        }
    };
}

#[cfg(test)]
mod tests {
    /// A rule that is in no list would never be tested.
    #[test]
    fn every_rule_is_in_its_list() {
        let lists = include_str!("macros.rs");
        let sets = [
            ("closing", include_str!("rules/closing.rs")),
            ("delivery", include_str!("rules/delivery.rs")),
            ("farewell", include_str!("rules/farewell.rs")),
            ("flow", include_str!("rules/flow.rs")),
            ("limits", include_str!("rules/limits.rs")),
            ("patience", include_str!("rules/patience.rs")),
            ("pings", include_str!("rules/pings.rs")),
            ("streams", include_str!("rules/streams.rs")),
        ];
        for (set, source) in sets {
            let (_, list) = lists
                .split_once(&format!("@tests {set}, $run, $subject,"))
                .expect("each set has its list");
            let (list, _) = list.split_once('}').expect("it ends");
            let listed: Vec<&str> = list.split_whitespace().collect();
            let written: Vec<&str> = source
                .lines()
                .filter_map(|line| line.strip_prefix("pub async fn "))
                .filter_map(|line| line.split('(').next())
                .collect();
            assert_eq!(listed, written, "{set}");
        }
    }
}
