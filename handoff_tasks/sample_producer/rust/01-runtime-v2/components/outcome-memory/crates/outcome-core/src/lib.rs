//! Decides whether a remembered outcome is trusted.

/// What became of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    Included,
    Excluded,
}

/// A candidate is included when it succeeded more often than it failed.
pub fn gate(successes: u32, failures: u32) -> Gate {
    if successes > failures {
        Gate::Included
    } else {
        Gate::Excluded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tie_is_excluded() {
        assert_eq!(gate(2, 1), Gate::Included);
        assert_eq!(gate(1, 1), Gate::Excluded);
    }
}
