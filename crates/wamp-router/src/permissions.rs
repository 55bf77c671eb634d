//! Who may do what: permissions of a role, by patterns of URIs.

use wamp_messages::{MatchPolicy, Uri};

/// What a session may be permitted to do with a URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Call,
    Register,
    Publish,
    Subscribe,
}

impl Action {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Register => "register",
            Self::Publish => "publish to",
            Self::Subscribe => "subscribe to",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// What a role may do: rules, of which the most specific one that matches a URI decides.
///
/// A rule matches by its pattern: `com.example.add` that URI alone, `com.example.` every URI that
/// begins so, `com..add` every URI with any component in place of the empty one, and the empty
/// pattern every URI. A URI itself is more specific than a prefix, a prefix than a wildcard
/// pattern, and the longer pattern than the shorter. What the deciding rule does not allow is
/// denied, and so is what no rule matches.
///
/// ```
/// use wamp_router::Permissions;
///
/// // Everything below com.example. may be called, but com.example.admin. only listened to.
/// let permissions = Permissions::allow("com.example.").call().subscribe()
///     .and(Permissions::allow("com.example.admin.").subscribe());
/// ```
///
/// URIs that begin with `wamp.` can be registered and published to by trusted roles only, whatever
/// the rules say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "permissions do nothing until a role of a realm gets them"]
pub struct Permissions {
    /// In the order in which they were given.
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    pattern: Uri,
    policy: MatchPolicy,
    actions: u8,
}

impl Permissions {
    /// Allows nothing.
    pub const fn none() -> Self {
        Self { rules: Vec::new() }
    }

    /// Allows everything.
    pub fn all() -> Self {
        Self::allow("").call().register().publish().subscribe()
    }

    /// Begins a rule for a pattern; the methods that follow say what it allows.
    ///
    /// How it matches is seen by its empty components: none, the exact URI; the last one, a prefix;
    /// any other, a wildcard pattern.
    pub fn allow(pattern: impl AsRef<str>) -> Self {
        let pattern = pattern.as_ref();
        let inner_empty = pattern.starts_with('.') || pattern.contains("..");
        let policy = if inner_empty {
            MatchPolicy::WILDCARD
        } else if pattern.is_empty() || pattern.ends_with('.') {
            MatchPolicy::PREFIX
        } else {
            MatchPolicy::EXACT
        };
        Self::allow_match(&policy, pattern)
    }

    /// Begins a rule for a pattern that matches by a policy: `com.example.` as a wildcard pattern,
    /// `com.exam` as a prefix. A policy that does not exist matches nothing.
    pub fn allow_match(policy: &MatchPolicy, pattern: impl AsRef<str>) -> Self {
        let rule = Rule {
            pattern: Uri::from_wire(pattern.as_ref()),
            policy: policy.clone(),
            actions: 0,
        };
        Self { rules: vec![rule] }
    }

    /// Lets the rule begun last allow calling.
    pub fn call(self) -> Self {
        self.permit(Action::Call)
    }

    /// Lets the rule begun last allow registering.
    pub fn register(self) -> Self {
        self.permit(Action::Register)
    }

    /// Lets the rule begun last allow publishing.
    pub fn publish(self) -> Self {
        self.permit(Action::Publish)
    }

    /// Lets the rule begun last allow subscribing.
    pub fn subscribe(self) -> Self {
        self.permit(Action::Subscribe)
    }

    /// Adds the rules of others; of two rules for one pattern the later one decides.
    pub fn and(mut self, others: Self) -> Self {
        self.rules.extend(others.rules);
        self
    }

    /// What its rules match by.
    pub(crate) fn patterns(&self) -> impl Iterator<Item = &Uri> {
        self.rules.iter().map(|rule| &rule.pattern)
    }

    /// Whether the action is allowed on the URI.
    pub(crate) fn permits(&self, action: Action, uri: &str) -> bool {
        let matching = self.rules.iter().filter(|rule| rule.matches(uri));
        // Of equals the last is taken.
        matching
            .max_by_key(|rule| rule.specificity())
            .is_some_and(|rule| rule.actions & action.bit() != 0)
    }

    fn permit(mut self, action: Action) -> Self {
        if let Some(rule) = self.rules.last_mut() {
            rule.actions |= action.bit();
        }
        self
    }
}

impl Rule {
    fn matches(&self, uri: &str) -> bool {
        self.policy.matches(&self.pattern, uri)
    }

    fn specificity(&self) -> (u8, usize) {
        let kind = match self.policy.as_str() {
            "exact" => 2,
            "prefix" => 1,
            _ => 0,
        };
        (kind, self.pattern.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may_call(permissions: &Permissions, uri: &str) -> bool {
        permissions.permits(Action::Call, uri)
    }

    #[test]
    fn what_no_rule_matches_is_denied() {
        assert!(!may_call(&Permissions::none(), "com.a"));
        assert!(!may_call(&Permissions::allow("com.b").call(), "com.a"));
        assert!(may_call(&Permissions::all(), "com.a"));
    }

    #[test]
    fn the_empty_components_of_a_pattern_say_how_it_matches() {
        let matched = |pattern: &str| {
            let permissions = Permissions::allow(pattern).call();
            ["com.a", "com.a.b", "com.x.b", "com.ab"].map(|uri| may_call(&permissions, uri))
        };
        assert_eq!(matched("com.a"), [true, false, false, false]);
        assert_eq!(matched("com.a."), [false, true, false, false]);
        assert_eq!(matched("com..b"), [false, true, true, false]);
        assert_eq!(matched(".a"), [true, false, false, false]);
        assert_eq!(matched(""), [true; 4]);
    }

    #[test]
    fn a_policy_can_be_named() {
        let prefix = Permissions::allow_match(&MatchPolicy::PREFIX, "com.a").call();
        assert!(may_call(&prefix, "com.ab"));
        let wildcard = Permissions::allow_match(&MatchPolicy::WILDCARD, "com.").call();
        assert!(may_call(&wildcard, "com.a") && !may_call(&wildcard, "com.a.b"));
        let unknown = Permissions::allow_match(&MatchPolicy::new("regex"), "com.a").call();
        assert!(!may_call(&unknown, "com.a"));
    }

    #[test]
    fn the_most_specific_rule_decides_alone() {
        let permissions = Permissions::allow("com..secret")
            .call()
            .and(Permissions::allow("com.a.").call())
            .and(Permissions::allow("com.a.secret").subscribe())
            .and(Permissions::allow("com.a.b.").subscribe());
        assert!(may_call(&permissions, "com.a.open"));
        assert!(!may_call(&permissions, "com.a.secret"));
        assert!(!may_call(&permissions, "com.a.b.c"));
        assert!(may_call(&permissions, "com.x.secret"));
        assert!(permissions.permits(Action::Subscribe, "com.a.secret"));
    }

    #[test]
    fn each_action_is_allowed_by_itself() {
        let rule = || Permissions::allow("a");
        let allowed = |permissions: Permissions| {
            [
                Action::Call,
                Action::Register,
                Action::Publish,
                Action::Subscribe,
            ]
            .map(|action| permissions.permits(action, "a"))
        };
        assert_eq!(allowed(rule().call()), [true, false, false, false]);
        assert_eq!(allowed(rule().register()), [false, true, false, false]);
        assert_eq!(allowed(rule().publish()), [false, false, true, false]);
        assert_eq!(allowed(rule().subscribe()), [false, false, false, true]);
    }

    #[test]
    fn of_two_rules_for_one_pattern_the_later_decides() {
        let permissions = Permissions::allow("com.")
            .call()
            .and(Permissions::allow("com."));
        assert!(!may_call(&permissions, "com.a"));
    }
}
