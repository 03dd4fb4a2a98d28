//! Reads a flavor's name, in either form.

use std::str::FromStr;

use super::flavor::{Brand, Cpu, Disk, DiskKind, FlavorName, Gpu, GpuMaker, Hypervisor, Maker};

/// Why a text is no name; `rest` is what could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at `{rest}`")]
pub struct NoName {
    pub what: &'static str,
    pub rest: String,
}

impl FromStr for FlavorName {
    type Err = NoName;

    /// Reads both forms, and never a mixture of them.
    fn from_str(text: &str) -> Result<Self, NoName> {
        let old = text.contains(':');
        let (separator, extension) = if old { (':', '-') } else { ('-', '_') };
        let mut read = Read(text);
        read.word("SCS-").ok_or_else(|| read.fault("a name begins with `SCS-`"))?;
        let cpus = read.count().ok_or_else(|| read.fault("no number of processors"))?;
        let cpu = read.one_of(&Cpu::LETTERS).ok_or_else(|| read.fault("none of `L`, `V`, `T`, `C`"))?;
        let insecure = read.letter('i');
        read.letter_or(separator, "no memory")?;
        let half_gib = read.half_gib()?;
        let without_ecc = read.letter('u');
        let oversubscribed = read.letter('o');
        let disk = if read.letter(separator) { Some(read.disk()?) } else { None };
        let mut name = Self {
            cpus,
            cpu,
            insecure,
            half_gib,
            without_ecc,
            oversubscribed,
            disk,
            hypervisor: None,
            nested: false,
            brand: None,
            gpu: None,
            infiniband: false,
        };
        name.extensions(&mut read, extension)?;
        Ok(name)
    }
}

impl FlavorName {
    /// What may follow, each at most once and in this order.
    fn extensions(&mut self, read: &mut Read<'_>, separator: char) -> Result<(), NoName> {
        let mut place = 0;
        while !read.0.is_empty() {
            read.letter_or(separator, "nothing that a name goes on with")?;
            let next = if let Some(hypervisor) = read.one_of(&Hypervisor::WORDS) {
                self.hypervisor = Some(hypervisor);
                1
            } else if read.word("hwv").is_some() {
                self.nested = true;
                2
            } else if read.word("ib").is_some() {
                self.infiniband = true;
                5
            } else if let Some(maker) = read.one_of(&Maker::LETTERS) {
                let generation = read.generation(maker)?;
                self.brand = Some(Brand { maker, generation, faster: read.letters('h', 3) });
                3
            } else {
                self.gpu = Some(read.gpu()?);
                4
            };
            if next <= place {
                return Err(read.fault("an extension twice, or out of its order, before what is left"));
            }
            place = next;
        }
        Ok(())
    }
}

/// What has not been read yet.
struct Read<'a>(&'a str);

impl<'a> Read<'a> {
    fn fault(&self, what: &'static str) -> NoName {
        NoName { what, rest: self.0.to_owned() }
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(word)?;
        Some(())
    }

    fn letter(&mut self, letter: char) -> bool {
        self.0.strip_prefix(letter).map(|rest| self.0 = rest).is_some()
    }

    fn letter_or(&mut self, letter: char, what: &'static str) -> Result<(), NoName> {
        if self.letter(letter) { Ok(()) } else { Err(self.fault(what)) }
    }

    fn letters(&mut self, letter: char, most: u8) -> u8 {
        let mut count = 0;
        while count < most && self.letter(letter) {
            count += 1;
        }
        count
    }

    fn one_of<T: Copy>(&mut self, words: &[(&str, T)]) -> Option<T> {
        words.iter().find_map(|(word, value)| self.word(word).map(|()| *value))
    }

    /// Digits without a leading zero, so that every number has one spelling.
    fn number(&mut self) -> Option<u32> {
        let end = self.0.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.0.len());
        let (digits, rest) = self.0.split_at(end);
        let number = digits.parse().ok().filter(|_| digits == "0" || !digits.starts_with('0'))?;
        self.0 = rest;
        Some(number)
    }

    /// The generation of a processor, where one is said.
    fn generation(&mut self, maker: Maker) -> Result<Option<u32>, NoName> {
        let before = self.fault("no generation that is known");
        match self.number() {
            Some(number) if number > maker.newest() => Err(before),
            number => Ok(number),
        }
    }

    /// A number of at least one.
    fn count(&mut self) -> Option<u32> {
        let before = self.0;
        let number = self.number().filter(|number| *number > 0);
        if number.is_none() {
            self.0 = before;
        }
        number
    }

    fn half_gib(&mut self) -> Result<u32, NoName> {
        let before = self.fault("no size of memory");
        let whole = self.number().ok_or_else(|| before.clone())?;
        let half = u32::from(self.word(".5").is_some());
        let size = whole.checked_mul(2).and_then(|size| size.checked_add(half));
        match size {
            Some(size) if size > 0 && (half == 0 || whole < 10) => Ok(size),
            Some(_) | None => Err(before),
        }
    }

    fn disk(&mut self) -> Result<Disk, NoName> {
        let first = self.count().ok_or_else(|| self.fault("no size of a disk"))?;
        let (count, gb) = if self.letter('x') {
            (first, self.count().ok_or_else(|| self.fault("no size of a disk"))?)
        } else {
            (1, first)
        };
        Ok(Disk { count, gb, kind: self.one_of(&DiskKind::LETTERS) })
    }

    fn gpu(&mut self) -> Result<Gpu, NoName> {
        let whole = self.letter('G');
        if !whole {
            self.letter_or('g', "no extension that is known")?;
        }
        let maker = self.one_of(&GpuMaker::LETTERS).ok_or_else(|| self.fault("none of `N`, `A`, `I`"))?;
        let known = maker.generations().iter().find(|known| self.word(known).is_some());
        let generation = known.copied().unwrap_or_default();
        let units = self.after_dash("no number of compute units")?;
        let faster = self.letters('h', 2);
        let gib = if units.is_some() { self.after_dash("no size of the GPU's memory")? } else { None };
        let wider = if gib.is_some() { self.letters('h', 2) } else { 0 };
        Ok(Gpu { whole, maker, generation, units, faster, gib, wider })
    }

    /// In the form of v1 a dash may also begin the next extension, which no digit does.
    fn after_dash(&mut self, what: &'static str) -> Result<Option<u32>, NoName> {
        let Some(rest) =
            self.0.strip_prefix('-').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        else {
            return Ok(None);
        };
        self.0 = rest;
        self.count().map(Some).ok_or_else(|| self.fault(what))
    }
}
