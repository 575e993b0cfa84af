//! Whether a destination is worth asking. After several failures in a row it is left alone for a while, then asked
//! once: its answer opens the way again, its failure closes it for as long again. Pure: the time is given.

use std::time::Duration;

/// So many failures in a row close the way, if none is older than [`WITHIN`].
pub(crate) const FAILURES: usize = 5;
pub(crate) const WITHIN: Duration = Duration::from_secs(30);
/// How long a destination is left alone.
pub(crate) const REST: Duration = Duration::from_secs(30);
/// Most failures of one user that count for everybody: what somebody asks for can be what fails, so it takes three
/// users to close the way for the others.
pub(crate) const OF_ONE_USER: usize = 2;
/// What those are told to wait who come while the one probe is out.
const PROBE: Duration = Duration::from_secs(5);
/// A destination that nobody asks any more is forgotten after this long.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// What is known of one destination. `W` is who asks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Breaker<W> {
    /// So many failures close it.
    failures: usize,
    /// Most failures that one of `W` can contribute.
    of_one: usize,
    state: State<W>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State<W> {
    Closed { failures: Vec<(Duration, W)> },
    Open(Rest<W>),
    Probing { ticket: u64, rest: Rest<W> },
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rest<W> {
    until: Duration,
    /// Whose probe failed last. The next is somebody else's, for twice as long: nobody can hold the way closed by
    /// failing every probe.
    failed_by: Option<W>,
}

/// The permission to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pass {
    Ordinary,
    /// The one request that finds out, by its ticket.
    Probe(u64),
}

impl<W: Clone + PartialEq> Breaker<W> {
    /// One that may be asked until `failures` failures, to which each of `W` contributes at most `of_one`.
    pub(crate) const fn new(failures: usize, of_one: usize) -> Self {
        Self { failures, of_one, state: State::Closed { failures: Vec::new() } }
    }

    /// How long `who` has to wait, if they must not ask now.
    pub(crate) fn refuses(&self, who: &W, now: Duration) -> Option<Duration> {
        match &self.state {
            State::Closed { .. } => None,
            State::Open(rest) => rest.left(who, now),
            State::Probing { .. } => Some(PROBE),
        }
    }

    /// Lets `who` ask, or tells how long to wait. `ticket` is any number that was not used before.
    pub(crate) fn enter(&mut self, who: &W, now: Duration, ticket: u64) -> Result<Pass, Duration> {
        if let Some(left) = self.refuses(who, now) {
            return Err(left);
        }
        match &self.state {
            State::Open(rest) => {
                self.state = State::Probing { ticket, rest: rest.clone() };
                Ok(Pass::Probe(ticket))
            }
            State::Closed { .. } | State::Probing { .. } => Ok(Pass::Ordinary),
        }
    }

    /// Notes that a request of `who` failed. One that began before the way was closed says nothing new.
    pub(crate) fn failed(&mut self, who: &W, now: Duration, pass: Pass) {
        match &mut self.state {
            State::Closed { failures } => {
                failures.push((now, who.clone()));
                failures.retain(|(at, _)| now.saturating_sub(*at) < WITHIN);
                if counted(failures, self.of_one) >= self.failures {
                    self.state = State::Open(Rest { until: now + REST, failed_by: None });
                }
            }
            State::Probing { ticket, .. } if pass == Pass::Probe(*ticket) => {
                let failed_by = (self.of_one < self.failures).then(|| who.clone());
                self.state = State::Open(Rest { until: now + REST, failed_by });
            }
            State::Open(_) | State::Probing { .. } => {}
        }
    }

    /// Takes a permission back whose request found nothing out. The next to come may be the probe.
    pub(crate) fn returned(&mut self, pass: Pass) {
        if let State::Probing { ticket, rest } = &self.state
            && pass == Pass::Probe(*ticket)
        {
            self.state = State::Open(rest.clone());
        }
    }

    /// Whether there is nothing left to remember.
    pub(crate) fn is_over(&self, now: Duration) -> bool {
        match &self.state {
            State::Closed { failures } => failures.iter().all(|(at, _)| now.saturating_sub(*at) >= WITHIN),
            State::Open(rest) => now >= rest.until + FORGOTTEN,
            State::Probing { .. } => false,
        }
    }
}

impl<W: PartialEq> Rest<W> {
    fn left(&self, who: &W, now: Duration) -> Option<Duration> {
        let until = if self.failed_by.as_ref() == Some(who) { self.until + REST } else { self.until };
        (now < until).then(|| until - now)
    }
}

fn counted<W: PartialEq>(failures: &[(Duration, W)], of_one: usize) -> usize {
    let counts = |(place, (_, who)): &(usize, &(Duration, W))| {
        failures.iter().take(*place).filter(|(_, earlier)| earlier == who).count() < of_one
    };
    failures.iter().enumerate().filter(counts).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn opened(at: Duration) -> Breaker<u8> {
        let mut breaker = Breaker::new(FAILURES, FAILURES);
        for _ in 0..FAILURES {
            breaker.failed(&0, at, Pass::Ordinary);
        }
        breaker
    }

    #[test]
    fn five_failures_within_half_a_minute_close_the_way_and_one_probe_opens_it() {
        let mut slow = Breaker::new(FAILURES, FAILURES);
        for n in 0..60 {
            slow.failed(&0, 8 * n * SECOND, Pass::Ordinary);
            assert_eq!(slow.refuses(&0, 8 * n * SECOND), None, "one in 8 s is no outage");
        }
        let mut breaker = opened(SECOND);
        assert_eq!(breaker.enter(&0, 2 * SECOND, 1), Err(29 * SECOND));
        assert_eq!(breaker.enter(&0, 31 * SECOND, 1), Ok(Pass::Probe(1)));
        assert_eq!(breaker.enter(&1, 31 * SECOND, 2), Err(PROBE));
        // One that began earlier and fails now says nothing new.
        breaker.failed(&1, 32 * SECOND, Pass::Ordinary);
        breaker.returned(Pass::Ordinary);
        breaker.returned(Pass::Probe(1));
        assert_eq!(breaker.enter(&1, 33 * SECOND, 2), Ok(Pass::Probe(2)));
        // The probe that gave its place back has no say any more.
        breaker.failed(&0, 34 * SECOND, Pass::Probe(1));
        assert_eq!(breaker.enter(&1, 34 * SECOND, 3), Err(PROBE));
        breaker.failed(&1, 34 * SECOND, Pass::Probe(2));
        assert_eq!(breaker.enter(&1, 63 * SECOND, 3), Err(SECOND));
        assert_eq!(breaker.enter(&1, 64 * SECOND, 3), Ok(Pass::Probe(3)));
    }

    #[test]
    fn it_takes_three_users_to_close_the_way_for_everybody() {
        let mut shared = Breaker::new(FAILURES, OF_ONE_USER);
        for _ in 0..100 {
            shared.failed(&1, SECOND, Pass::Ordinary);
            shared.failed(&2, SECOND, Pass::Ordinary);
        }
        assert_eq!(shared.refuses(&9, SECOND), None);
        shared.failed(&3, SECOND, Pass::Ordinary);
        assert_eq!(shared.refuses(&9, SECOND), Some(REST));
    }

    #[test]
    fn nobody_holds_the_way_closed_by_failing_every_probe() {
        let mut shared = Breaker::new(FAILURES, OF_ONE_USER);
        for who in [1, 1, 2, 2, 3] {
            shared.failed(&who, Duration::ZERO, Pass::Ordinary);
        }
        assert_eq!(shared.enter(&1, 30 * SECOND, 1), Ok(Pass::Probe(1)));
        shared.failed(&1, 30 * SECOND, Pass::Probe(1));
        assert_eq!(shared.enter(&1, 60 * SECOND, 2), Err(REST));
        assert_eq!(shared.enter(&2, 60 * SECOND, 2), Ok(Pass::Probe(2)));
    }

    /// What can happen to a breaker.
    #[derive(Debug, Clone)]
    enum Event {
        Pass(u64),
        Enter(u8),
        Answered(usize),
        Failed(usize),
        Dropped(usize),
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            (0_u64..40).prop_map(Event::Pass),
            (0_u8..4).prop_map(Event::Enter),
            (0_usize..8).prop_map(Event::Answered),
            (0_usize..8).prop_map(Event::Failed),
            (0_usize..8).prop_map(Event::Dropped),
        ]
    }

    proptest! {
        #[test]
        fn whatever_happens(events in prop::collection::vec(event(), 0..200), of_one in 1..=FAILURES) {
            let mut breaker = Breaker::new(FAILURES, of_one);
            let (mut now, mut ticket) = (Duration::ZERO, 0);
            let mut out: Vec<(u8, Pass)> = Vec::new();
            // The tickets of probes that may still settle something.
            let mut live: Vec<u64> = Vec::new();
            for event in events {
                match event {
                    Event::Pass(seconds) => now += Duration::from_secs(seconds),
                    Event::Enter(who) => {
                        ticket += 1;
                        let refused = breaker.refuses(&who, now);
                        match breaker.enter(&who, now, ticket) {
                            Ok(pass) => {
                                prop_assert_eq!(refused, None);
                                if let Pass::Probe(ticket) = pass {
                                    prop_assert!(live.is_empty(), "a second probe");
                                    live.push(ticket);
                                }
                                out.push((who, pass));
                            }
                            Err(left) => {
                                prop_assert_eq!(refused, Some(left));
                                prop_assert!(left > Duration::ZERO && left <= 2 * REST, "{left:?}");
                                // Where no probe is out, waiting that long is enough.
                                if live.is_empty() {
                                    prop_assert_eq!(breaker.refuses(&who, now + left), None);
                                }
                            }
                        }
                    }
                    Event::Answered(place) if place < out.len() => {
                        out.swap_remove(place);
                        breaker = Breaker::new(FAILURES, of_one);
                        live.clear();
                        prop_assert_eq!(breaker.refuses(&0, now), None);
                    }
                    Event::Failed(place) if place < out.len() => {
                        let (who, pass) = out.swap_remove(place);
                        breaker.failed(&who, now, pass);
                        live.retain(|ticket| pass != Pass::Probe(*ticket));
                    }
                    Event::Dropped(place) if place < out.len() => {
                        let (who, pass) = out.swap_remove(place);
                        breaker.returned(pass);
                        if matches!(pass, Pass::Probe(ticket) if live.contains(&ticket)) {
                            live.clear();
                            // Its place is free at once.
                            prop_assert_eq!(breaker.refuses(&who, now), None);
                        }
                    }
                    _ => {}
                }
                // Open always ends: with no probe out, everybody may ask after two rests.
                if live.is_empty() {
                    for who in 0..4 {
                        prop_assert_eq!(breaker.refuses(&who, now + 2 * REST), None);
                    }
                }
            }
        }
    }
}
