//! The text that Prometheus scrapes, read.

/// One line of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) name: String,
    labels: Vec<(String, String)>,
    pub(super) value: f64,
}

impl Sample {
    /// The value of a label, empty without one, as Prometheus has it.
    pub(super) fn label(&self, name: &str) -> &str {
        let found = self.labels.iter().find(|(label, _)| label == name);
        found.map_or("", |(_, value)| value)
    }
}

/// All samples. Lines that are none are passed over: what somebody else serves is theirs.
pub(super) fn parse(text: &str) -> impl Iterator<Item = Sample> {
    text.lines().filter_map(sample)
}

fn sample(line: &str) -> Option<Sample> {
    let line = line.trim();
    let end = line.find(|c: char| c == '{' || c.is_whitespace())?;
    let (name, rest) = line.split_at_checked(end)?;
    if name.is_empty() || name.starts_with('#') {
        return None;
    }
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    // A time stamp may follow.
    let value = match rest.split_whitespace().next()? {
        "+Inf" => f64::INFINITY,
        value => value.parse().ok()?,
    };
    Some(Sample {
        name: name.to_owned(),
        labels,
        value,
    })
}

/// `a="b",c="d"}`, and what follows.
fn labels(mut rest: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', ',']);
        if let Some(rest) = rest.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, value) = rest.split_once("=\"")?;
        let (value, after) = quoted(value)?;
        labels.push((name.trim().to_owned(), value));
        rest = after;
    }
}

/// The text up to a quote that is not escaped, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => value.push(match chars.next()? {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_read_and_all_else_is_passed_over() {
        let text = "# HELP a b\n# TYPE a counter\n\
                    a 1\n\
                    b{} 2.5 1700000000\n\
                    c{x=\"1\",y=\"a\\\"b\\\\c\\nd}\"} +Inf\n\
                    d{x=\"unclosed} 1\n\
                    e nonsense\n\
                    {x=\"1\"} 1\n\n";
        let samples: Vec<_> = parse(text).collect();
        let names: Vec<_> = samples.iter().map(|sample| sample.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(samples[2].label("y"), "a\"b\\c\nd}");
        assert_eq!(samples[2].label("z"), "");
        assert!(samples[2].value.is_infinite());
        let values = samples.iter().map(|sample| sample.value);
        assert_eq!(values.take(2).collect::<Vec<_>>(), [1.0, 2.5]);
    }
}
