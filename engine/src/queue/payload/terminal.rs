//! The size of the terminal in which a step runs if the job or the step sets `terminal`.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::{InvalidPayload, invalid};

/// The default size, which is wide enough for the progress bars and tables of most programs.
const DEFAULT: TerminalSize = TerminalSize { columns: 120, rows: 40 };

/// The permitted number of columns and of rows.
const PERMITTED: RangeInclusive<u16> = 1..=TerminalSize::MAX;

/// The size of a terminal, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalSize {
    /// The width of the terminal.
    pub columns: u16,
    /// The height of the terminal.
    pub rows: u16,
}

impl TerminalSize {
    /// The maximum number of columns and of rows. It is limited because programs allocate memory for a screen of the
    /// given size, and few real screens are larger.
    pub const MAX: u16 = 1000;

    /// Reads the size from the variables `COLUMNS` and `LINES` of a step, or of its job if the step does not define
    /// them. `of_step` and `of_job` each contain the variables and the path of the field that defines them.
    pub(super) fn read(of_step: Variables<'_>, of_job: Variables<'_>) -> Result<Self, InvalidPayload> {
        let number = |name: &str, default: u16| {
            let found = [of_step, of_job].into_iter().find_map(|(path, env)| Some((path, env.get(name)?)));
            let Some((path, value)) = found else { return Ok(default) };
            value.parse().ok().filter(|number| PERMITTED.contains(number)).ok_or_else(|| {
                let (least, most) = (PERMITTED.start(), PERMITTED.end());
                let problem =
                    format!("must be a number from {least} to {most}, because it is the size of the terminal");
                invalid(format!("{path}.{name}"), problem)
            })
        };
        Ok(Self { columns: number("COLUMNS", DEFAULT.columns)?, rows: number("LINES", DEFAULT.rows)? })
    }
}

/// Environment variables, and the path of the field that defines them.
pub(super) type Variables<'a> = (&'a str, &'a BTreeMap<String, String>);

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(of_step: &[(&str, &str)], of_job: &[(&str, &str)], expected: Result<(u16, u16), &str>) {
        let variables = |pairs: &[(&str, &str)]| pairs.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
        let (of_step, of_job) = (variables(of_step), variables(of_job));
        let size = TerminalSize::read(("step.env", &of_step), ("env", &of_job));
        let size = size.map(|size| (size.columns, size.rows)).map_err(|error| error.field);
        assert_eq!(size, expected.map_err(str::to_owned));
    }

    #[test]
    fn the_size_comes_from_the_variables_of_the_step_then_of_the_job_then_from_the_default() {
        check(&[], &[], Ok((120, 40)));
        check(&[], &[("COLUMNS", "80"), ("LINES", "25")], Ok((80, 25)));
        check(&[("COLUMNS", "1000")], &[("COLUMNS", "80"), ("LINES", "1")], Ok((1000, 1)));
    }

    #[test]
    fn an_impossible_size_is_refused_by_the_name_of_its_variable() {
        for value in ["0", "1001", "-1", "", "wide", " 80", "80.5", "99999999999999999999"] {
            check(&[], &[("COLUMNS", value)], Err("env.COLUMNS"));
            check(&[("LINES", value)], &[("LINES", "40")], Err("step.env.LINES"));
        }
        check(&[("COLUMNS", "80")], &[("COLUMNS", "0")], Ok((80, 40)));
    }
}
