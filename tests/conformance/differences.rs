//! The questions that the simulation answers otherwise than Linux, each with the reason.

/// A question whose answers differ.
pub(crate) struct Difference {
    /// Its name.
    pub(crate) question: &'static str,
    /// The answer of the simulation, or its beginning.
    pub(crate) simulated: &'static str,
    /// The reason.
    pub(crate) why: &'static str,
}

/// The numbers of descriptors say which process they belong to.
const NUMBERS: &str = "a number says which process it belongs to, so that the use of another process's descriptor is noticed; numbers begin at \
                       2^20, and those below were opened outside the run";

/// Nothing is closed at `exec`.
const EXEC: &str = "the flag is not kept, because no process of a run executes another program";

/// Several sockets on one port.
const PORTS: &str = "a port belongs to one socket; sharing a port, and IPV6_V6ONLY, are not done yet";

/// Every difference.
pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference { question: "descriptor_numbers_begin_after_the_standard_streams", simulated: "1048576", why: NUMBERS },
    Difference {
        question: "descriptor_that_was_never_open",
        simulated: "no-unsupported-call: read on asker with descriptor 9999",
        why: NUMBERS,
    },
    Difference {
        question: "descriptor_dup2_of_a_closed_one",
        simulated: "no-unsupported-call: dup2 on asker with descriptor 9999",
        why: NUMBERS,
    },
    Difference { question: "descriptor_duplicate_from_a_lowest_number", simulated: "1048527", why: NUMBERS },
    Difference { question: "descriptor_closes_at_exec_if_asked", simulated: "1, 0, 1", why: EXEC },
    Difference { question: "descriptor_duplicates_do_not_close_at_exec", simulated: "1, 1", why: EXEC },
    Difference {
        question: "descriptor_close_twice",
        simulated: "no-use-after-teardown: asker closed a descriptor that it had closed already",
        why: "closing a number twice is a finding, because another thread may have opened it meanwhile",
    },
    Difference {
        question: "file_with_a_long_name",
        simulated: "bounded-request: asker passed a path of ",
        why: "a path beyond the limits of the system is a finding",
    },
    Difference { question: "tcp_two_binds_with_reuse_and_no_listener", simulated: "ok, EADDRINUSE", why: PORTS },
    Difference { question: "tcp_a_v6_only_listener_refuses_v4_clients", simulated: "ok, EADDRINUSE", why: PORTS },
    Difference { question: "tcp_two_listeners_with_reuse_of_the_port", simulated: "okok, EADDRINUSE, ok", why: PORTS },
    Difference { question: "udp_two_binds_with_reuse_of_the_address", simulated: "ok, EADDRINUSE", why: PORTS },
    Difference { question: "udp_two_binds_with_reuse_of_the_port", simulated: "ok, EADDRINUSE", why: PORTS },
    Difference {
        question: "tcp_the_port_of_a_closed_connection_is_free_for_a_client",
        simulated: "ok",
        why: "connections do not keep their port for TIME_WAIT yet",
    },
    Difference {
        question: "tcp_the_port_of_a_server_that_closed_first_without_reuse",
        simulated: "ok",
        why: "connections do not keep their port for TIME_WAIT yet",
    },
    Difference {
        question: "udp_leaving_a_group_that_was_not_joined",
        simulated: "ok",
        why: "multicast is not simulated: joining and leaving a group succeed and change nothing",
    },
    Difference {
        question: "pipe_a_small_write_is_whole_or_not_at_all",
        simulated: "100, EAGAIN",
        why: "a pipe has room for bytes and not for pages, so that a short write may be cut",
    },
    Difference {
        question: "unix_a_pair_of_packets_keeps_their_ends_and_its_own",
        simulated: "no-unsupported-call: Unix sockets of type SOCK_SEQPACKET are not supported",
        why: "sockets of packets are refused by name until they are simulated",
    },
    Difference {
        question: "unix_a_descriptor_travels_in_a_message",
        simulated: "no-unsupported-call: descriptors sent over a socket (SCM_RIGHTS)",
        why: "descriptors in messages are refused by name until they are simulated",
    },
    Difference {
        question: "unix_a_peer_that_leaves_bytes_unread_resets",
        simulated: "0 \"\", 0 \"\", EPIPE",
        why: "a Unix stream ends in order even if its peer left bytes unread",
    },
    Difference {
        question: "thread_name_is_cut_to_fifteen_letters",
        simulated: "0 ",
        why: "the name of a thread is not kept, so that the name of the program is read",
    },
    Difference {
        question: "name_of_an_address_as_numbers",
        simulated: "no-unsupported-call: the call `getnameinfo` is not supported",
        why: "names of addresses are refused by name until they are simulated",
    },
    Difference {
        question: "process_main_thread_has_its_number",
        simulated: "false",
        why: "the number of a thread says which incarnation it belongs to, as the lines of panics show",
    },
];
