//! How much disks hold when there are several copies of everything, each on another disk.

use crate::units::Bytes;

/// What fits on these disks with so many copies, before anything is kept free. A large disk beside small ones is only
/// used as far as the others can hold the further copies.
pub(super) fn capacity(disks: &[Bytes], copies: u32) -> Bytes {
    let mut sizes: Vec<u64> = disks.iter().map(|disk| disk.0).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    // If the largest `full` disks hold one copy of everything each, the others hold the remaining copies.
    let bounds = (0_u32..copies).zip(0_usize..).map(|(full, from)| {
        let rest: u64 = sizes.iter().skip(from).sum();
        rest / u64::from(copies - full)
    });
    Bytes(bounds.min().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(disks: &[u64], copies: u32) -> u64 {
        capacity(&disks.iter().map(|n| Bytes(*n)).collect::<Vec<_>>(), copies).0
    }

    #[test]
    fn a_large_disk_helps_as_far_as_others_hold_the_copies() {
        assert_eq!(of(&[10], 1), 10);
        assert_eq!(of(&[10, 10], 1), 20);
        assert_eq!(of(&[10, 10], 2), 10);
        assert_eq!(of(&[40, 10], 2), 10);
        assert_eq!(of(&[10, 10, 10], 2), 15);
        assert_eq!(of(&[90, 10, 10, 10], 3), 15);
        assert_eq!(of(&[10], 2), 0, "two copies need two disks");
        assert_eq!(of(&[], 1), 0);
    }

    proptest! {
        /// Pieces laid one by one on the emptiest disks, as a cluster would: as many fit as was said, and no more.
        #[test]
        fn it_is_what_can_be_laid_out(
            disks in prop::collection::vec(0_u64..30, 1..7),
            copies in 1_u32..4,
        ) {
            let mut free = disks.clone();
            let mut laid = 0;
            loop {
                free.sort_unstable_by(|a, b| b.cmp(a));
                let wanted = usize::try_from(copies).unwrap();
                if free.len() < wanted || free[wanted - 1] == 0 {
                    break;
                }
                free.iter_mut().take(wanted).for_each(|disk| *disk -= 1);
                laid += 1;
            }
            prop_assert_eq!(of(&disks, copies), laid);
        }
    }
}
