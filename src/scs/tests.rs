//! Names that are written are read again, and what is no name is told.

use proptest::{collection, option, prelude::*, sample::select};

use super::flavor::*;

fn name(text: &str) -> FlavorName {
    text.parse().unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

#[test]
fn a_name_says_what_a_server_gets() {
    let plain = name("SCS-4V-16-100s");
    assert_eq!((plain.cpus, plain.cpu, plain.mebibytes(), plain.gigabytes()), (4, Cpu::Shared, 16384, 100));
    assert_eq!(plain.disk.unwrap().kind, Some(DiskKind::Ssd));
    assert_eq!(plain.v1(), "SCS-4V:16:100s");
    let all = name("SCS-16Ti-64.5u".replace("64.5", "6.5").as_str());
    assert!(all.insecure && all.without_ecc && !all.oversubscribed);
    assert_eq!(all.mebibytes(), 6656);
    // The longest that the standard shows in its table of extensions.
    let long = name("SCS-16T-64-3x10s_kvm_hwv_i3h_GNa-14h-6h_ib");
    assert_eq!(long.disk, Some(Disk { count: 3, gb: 10, kind: Some(DiskKind::Ssd) }));
    assert_eq!(long.brand, Some(Brand { maker: Maker::Intel, generation: Some(3), faster: 1 }));
    let gpu = long.gpu.clone().unwrap();
    assert_eq!((gpu.whole, gpu.units, gpu.faster, gpu.gib, gpu.wider), (true, Some(14), 1, Some(6), 1));
    assert_eq!(long.v1(), "SCS-16T:64:3x10s-kvm-hwv-i3h-GNa-14h-6h-ib");
    assert_eq!(name(&long.v1()), long);
}

#[test]
fn what_is_no_name_is_told_with_its_place() {
    for (text, said) in [
        ("", "a name begins with `SCS-` at ``"),
        ("scs-1V-4", "a name begins with `SCS-` at `scs-1V-4`"),
        ("SCS-V-4", "no number of processors at `V-4`"),
        ("SCS-0V-4", "no number of processors at `0V-4`"),
        ("SCS-1X-4", "none of `L`, `V`, `T`, `C` at `X-4`"),
        ("SCS-1V", "no memory at ``"),
        ("SCS-1V-0", "no size of memory at `0`"),
        ("SCS-1V-04", "no size of memory at `04`"),
        ("SCS-1V-10.5", "no size of memory at `10.5`"),
        ("SCS-1V-4.25", "nothing that a name goes on with at `.25`"),
        ("SCS-1V-4-", "no size of a disk at ``"),
        ("SCS-1V-4-0s", "no size of a disk at `0s`"),
        ("SCS-1V-4-20q", "nothing that a name goes on with at `q`"),
        ("SCS-1V:4-20s", "no extension that is known at `20s`"),
        ("SCS-1V-4:20s", "no memory at `-4:20s`"),
        ("SCS-1V-4_ib_kvm", "an extension twice, or out of its order, before what is left at ``"),
        ("SCS-1V-4_i7", "no generation that is known at `7`"),
        ("SCS-1V-4_r1", "no generation that is known at `1`"),
        ("SCS-1V-4_zhhhh", "nothing that a name goes on with at `h`"),
        ("SCS-1V-4_GNx", "nothing that a name goes on with at `x`"),
        ("SCS-1V-4_GX", "none of `N`, `A`, `I` at `X`"),
        ("SCS-99999999999V-4", "no number of processors at `99999999999V-4`"),
    ] {
        assert_eq!(text.parse::<FlavorName>().unwrap_err().to_string(), said, "{text}");
    }
}

fn any_gpu() -> impl Strategy<Value = Gpu> {
    let numbers = option::of((1..200_u32, 0..3_u8, option::of((1..99_u32, 0..3_u8))));
    let made = select(&GpuMaker::LETTERS[..]).prop_flat_map(|(_, maker)| {
        let known = option::of(select(maker.generations()));
        known.prop_map(move |generation| (maker, generation.unwrap_or_default()))
    });
    (any::<bool>(), made, numbers).prop_map(|(whole, (maker, generation), numbers)| Gpu {
        whole,
        maker,
        generation,
        units: numbers.map(|(units, ..)| units),
        faster: numbers.map_or(0, |(_, faster, _)| faster),
        gib: numbers.and_then(|(.., memory)| memory).map(|(gib, _)| gib),
        wider: numbers.and_then(|(.., memory)| memory).map_or(0, |(_, wider)| wider),
    })
}

fn any_name() -> impl Strategy<Value = FlavorName> {
    let disk = option::of((1..4_u32, 1..5000_u32, option::of(select(&DiskKind::LETTERS[..]))));
    let brand = option::of(select(&Maker::LETTERS[..]).prop_flat_map(|(_, maker)| {
        let generation = option::of(0..=maker.newest());
        (generation, 0..4_u8).prop_map(move |(generation, faster)| Brand { maker, generation, faster })
    }));
    let flags = collection::vec(any::<bool>(), 5);
    let memory = prop_oneof![1..20_u32, (10..2048_u32).prop_map(|gib| 2 * gib)];
    let hypervisor = option::of(select(&Hypervisor::WORDS[..]));
    let first = (1..256_u32, select(&Cpu::LETTERS[..]), memory, flags, disk);
    (first, hypervisor, brand, option::of(any_gpu())).prop_map(
        |((cpus, (_, cpu), half_gib, flags, disk), hypervisor, brand, gpu)| FlavorName {
            cpus,
            cpu,
            insecure: flags[0],
            half_gib,
            without_ecc: flags[1],
            oversubscribed: flags[2],
            disk: disk.map(|(count, gb, kind)| Disk { count, gb, kind: kind.map(|(_, kind)| kind) }),
            hypervisor: hypervisor.map(|(_, hypervisor)| hypervisor),
            nested: flags[3],
            brand,
            gpu,
            infiniband: flags[4],
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(name in any_name()) {
        prop_assert_eq!(&name.to_string().parse::<FlavorName>().unwrap(), &name);
        prop_assert_eq!(&name.v1().parse::<FlavorName>().unwrap(), &name);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(SCS-)?[0-9LVTCi:.uo_xnhspkvGga-]{0,30}") {
        if let Ok(name) = text.parse::<FlavorName>() {
            prop_assert_eq!(name.to_string().parse::<FlavorName>().unwrap(), name);
        }
    }
}
