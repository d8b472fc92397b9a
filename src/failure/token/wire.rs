//! A plan as bytes: numbers of seven bits a byte, least first; a tag before each trigger and fault.
//! It knows no checksum and no text. A tag, once given, keeps its meaning for as long as the token's version stands.

use crate::fault::{DiskTrouble, Fault, FileDamage, Injection, LinkTrouble, Plan, Trigger};

/// More than any plan has; a count above it is damage, not a plan.
const INJECTIONS_MAX: u64 = 4_096;

/// Appends a plan.
pub(super) fn write_plan(plan: &Plan, to: &mut Vec<u8>) {
    number(plan.injections.len() as u64, to);
    for Injection { trigger, fault } in &plan.injections {
        write_trigger(trigger, to);
        write_fault(fault, to);
    }
}

/// The plan that these bytes are, all of them.
pub(super) fn read_plan(from: &[u8]) -> Result<Plan, String> {
    let mut from = Reader { rest: from };
    let count = from.number()?;
    if count > INJECTIONS_MAX {
        return Err(format!("{count} injections, which no plan has"));
    }
    let mut injections = Vec::new();
    for _ in 0..count {
        injections.push(Injection { trigger: from.trigger()?, fault: from.fault()? });
    }
    if !from.rest.is_empty() {
        return Err(format!("{} bytes after its end", from.rest.len()));
    }
    Ok(Plan { injections })
}

fn write_trigger(trigger: &Trigger, to: &mut Vec<u8>) {
    match trigger {
        Trigger::At { time_ns } => numbers(&[0, *time_ns], to),
        Trigger::On { edge, node, nth, after_ns } => {
            number(1, to);
            word(edge, to);
            numbers(&[u64::from(*node), u64::from(*nth), *after_ns], to);
        }
    }
}

fn write_fault(fault: &Fault, to: &mut Vec<u8>) {
    match *fault {
        Fault::Stop { node, budget_ns, down_ns } => numbers(&[0, u64::from(node), budget_ns, down_ns], to),
        Fault::Kill { node, down_ns } => numbers(&[1, u64::from(node), down_ns], to),
        Fault::PowerLoss { node, down_ns } => numbers(&[2, u64::from(node), down_ns], to),
        Fault::Partition { from, to: other, one_way, for_ns } => {
            let tag = if one_way { 4 } else { 3 };
            numbers(&[tag, u64::from(from), u64::from(other), for_ns], to);
        }
        Fault::SlowDisk { node, extra_ns, for_ns } => numbers(&[5, u64::from(node), extra_ns, for_ns], to),
        Fault::Pause { node, for_ns } => numbers(&[6, u64::from(node), for_ns], to),
        Fault::SqueezeMemory { node, budget_bytes, for_ns } => {
            numbers(&[7, u64::from(node), budget_bytes, for_ns], to);
        }
        Fault::HoldThread { node, nth, ref until, for_ns } => {
            numbers(&[14, u64::from(node), u64::from(nth), for_ns], to);
            match until {
                None => number(0, to),
                Some(edge) => {
                    number(1, to);
                    word(edge, to);
                }
            }
        }
        Fault::StepClock { node, by_ns } => numbers(&[8, u64::from(node), zigzag(by_ns)], to),
        Fault::SkewClock { node, ppm, for_ns } => numbers(&[9, u64::from(node), zigzag(ppm.into()), for_ns], to),
        Fault::DisturbLink { from, to: other, how, for_ns } => {
            let [tag, value] = match how {
                LinkTrouble::Slow { extra_ns } => [0, extra_ns],
                LinkTrouble::Lossy { per_mille } => [1, per_mille.into()],
                LinkTrouble::Hold => [2, 0],
                LinkTrouble::Duplicating { per_mille } => [3, per_mille.into()],
                LinkTrouble::Reordering { per_mille } => [4, per_mille.into()],
                LinkTrouble::Narrow { bytes_per_s } => [5, bytes_per_s],
            };
            numbers(&[10, u64::from(from), u64::from(other), tag, value, for_ns], to);
        }
        Fault::ResetConnections { from, to: other } => numbers(&[11, u64::from(from), u64::from(other)], to),
        Fault::FailDisk { node, how, for_ns } => {
            let tag = match how {
                DiskTrouble::ReadErrors => 0,
                DiskTrouble::WriteErrors => 1,
                DiskTrouble::SyncErrors => 2,
                DiskTrouble::Full => 3,
                DiskTrouble::Stalled => 4,
            };
            numbers(&[12, u64::from(node), tag, for_ns], to);
        }
        Fault::DamageFile { node, how, nth } => {
            let tag = match how {
                FileDamage::Missing => 0,
                FileDamage::Corrupt => 1,
            };
            numbers(&[13, u64::from(node), tag, u64::from(nth)], to);
        }
    }
}

/// A signed number as one whose small values, of either sign, are short.
fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn unzigzag(value: u64) -> i64 {
    ((value >> 1) as i64) ^ -((value & 1) as i64)
}

fn word(text: &str, to: &mut Vec<u8>) {
    number(text.len() as u64, to);
    to.extend_from_slice(text.as_bytes());
}

fn numbers(values: &[u64], to: &mut Vec<u8>) {
    for value in values {
        number(*value, to);
    }
}

fn number(mut value: u64, to: &mut Vec<u8>) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn trigger(&mut self) -> Result<Trigger, String> {
        match self.number()? {
            0 => Ok(Trigger::At { time_ns: self.number()? }),
            1 => Ok(Trigger::On {
                edge: self.word()?,
                node: self.small()?,
                nth: self.small()?,
                after_ns: self.number()?,
            }),
            other => Err(format!("trigger number {other}")),
        }
    }

    fn fault(&mut self) -> Result<Fault, String> {
        match self.number()? {
            0 => Ok(Fault::Stop { node: self.small()?, budget_ns: self.number()?, down_ns: self.number()? }),
            1 => Ok(Fault::Kill { node: self.small()?, down_ns: self.number()? }),
            2 => Ok(Fault::PowerLoss { node: self.small()?, down_ns: self.number()? }),
            tag @ (3 | 4) => Ok(Fault::Partition {
                from: self.small()?,
                to: self.small()?,
                one_way: tag == 4,
                for_ns: self.number()?,
            }),
            5 => Ok(Fault::SlowDisk { node: self.small()?, extra_ns: self.number()?, for_ns: self.number()? }),
            6 => Ok(Fault::Pause { node: self.small()?, for_ns: self.number()? }),
            7 => Ok(Fault::SqueezeMemory { node: self.small()?, budget_bytes: self.number()?, for_ns: self.number()? }),
            8 => Ok(Fault::StepClock { node: self.small()?, by_ns: unzigzag(self.number()?) }),
            9 => Ok(Fault::SkewClock { node: self.small()?, ppm: self.signed_small()?, for_ns: self.number()? }),
            10 => Ok(Fault::DisturbLink {
                from: self.small()?,
                to: self.small()?,
                how: self.link_trouble()?,
                for_ns: self.number()?,
            }),
            11 => Ok(Fault::ResetConnections { from: self.small()?, to: self.small()? }),
            12 => Ok(Fault::FailDisk { node: self.small()?, how: self.disk_trouble()?, for_ns: self.number()? }),
            13 => Ok(Fault::DamageFile { node: self.small()?, how: self.file_damage()?, nth: self.small()? }),
            14 => Ok(Fault::HoldThread {
                node: self.small()?,
                nth: self.small()?,
                for_ns: self.number()?,
                until: match self.number()? {
                    0 => None,
                    _ => Some(self.word()?),
                },
            }),
            other => Err(format!("fault number {other}")),
        }
    }

    fn word(&mut self) -> Result<String, String> {
        let length = self.small::<usize>()?;
        let (text, rest) = self.rest.split_at_checked(length).ok_or("it ends in the middle of a word")?;
        self.rest = rest;
        String::from_utf8(text.to_vec()).map_err(|_| "a word that is not text".to_owned())
    }

    fn link_trouble(&mut self) -> Result<LinkTrouble, String> {
        match self.number()? {
            0 => Ok(LinkTrouble::Slow { extra_ns: self.number()? }),
            1 => Ok(LinkTrouble::Lossy { per_mille: self.small()? }),
            2 => self.number().map(|_| LinkTrouble::Hold),
            3 => Ok(LinkTrouble::Duplicating { per_mille: self.small()? }),
            4 => Ok(LinkTrouble::Reordering { per_mille: self.small()? }),
            5 => Ok(LinkTrouble::Narrow { bytes_per_s: self.number()? }),
            other => Err(format!("trouble number {other} of a link")),
        }
    }

    fn disk_trouble(&mut self) -> Result<DiskTrouble, String> {
        match self.number()? {
            0 => Ok(DiskTrouble::ReadErrors),
            1 => Ok(DiskTrouble::WriteErrors),
            2 => Ok(DiskTrouble::SyncErrors),
            3 => Ok(DiskTrouble::Full),
            4 => Ok(DiskTrouble::Stalled),
            other => Err(format!("trouble number {other} of a disk")),
        }
    }

    fn file_damage(&mut self) -> Result<FileDamage, String> {
        match self.number()? {
            0 => Ok(FileDamage::Missing),
            1 => Ok(FileDamage::Corrupt),
            other => Err(format!("damage number {other} of a file")),
        }
    }

    fn signed_small<T: TryFrom<i64>>(&mut self) -> Result<T, String> {
        let value = unzigzag(self.number()?);
        T::try_from(value).map_err(|_| format!("number {value} where a small one stands"))
    }

    fn small<T: TryFrom<u64>>(&mut self) -> Result<T, String> {
        let value = self.number()?;
        T::try_from(value).map_err(|_| format!("number {value} where a small one stands"))
    }

    fn number(&mut self) -> Result<u64, String> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.rest.split_first().ok_or("it ends in the middle of a number")?;
            self.rest = rest;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err("a number of more than 64 bits".to_owned());
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a number of more than 64 bits".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length_come_back() {
        for shift in 0..64 {
            for value in [1u64 << shift, (1u64 << shift) - 1, u64::MAX >> shift] {
                let mut bytes = Vec::new();
                number(value, &mut bytes);
                assert_eq!(Reader { rest: &bytes }.number(), Ok(value));
            }
        }
    }

    #[test]
    fn what_no_writer_wrote_is_refused_by_name() {
        assert_eq!(read_plan(&[1, 0, 5, 99]), Err("fault number 99".into()));
        assert_eq!(read_plan(&[1, 7]), Err("trigger number 7".into()));
        assert_eq!(read_plan(&[0, 0]), Err("1 bytes after its end".into()));
        assert_eq!(read_plan(&[0xff; 11]), Err("a number of more than 64 bits".into()));
    }
}
