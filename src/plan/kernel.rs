//! Kernel modules, kernel parameters and login limits.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Bound, ModuleState, Why};
use crate::{
    boxfile::{
        BoxFile,
        system::{SysctlKey, SysctlValue},
    },
    profile::{Limit, LimitItem, Profile},
};

/// What the kernel is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kernel {
    /// Every module that the profile wants; only those to `load` are asked for.
    pub modules: Vec<KernelModule>,
    /// Without those whose module the kernel lacks; in alphabetical order.
    pub sysctls: Vec<KernelSysctl>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KernelModule {
    pub name: String,
    pub needed_for: String,
    pub state: ModuleState,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KernelSysctl {
    pub key: SysctlKey,
    pub value: SysctlValue,
    pub reason: String,
}

pub(super) fn make(wanted: &BoxFile, profile: &Profile, bound: &Bound, why: &mut Why) -> Kernel {
    let state = |name: &str| bound.modules.get(name).copied().unwrap_or(ModuleState::Load);
    let modules: Vec<KernelModule> = profile
        .needs
        .modules
        .iter()
        .map(|m| KernelModule {
            name: m.name.clone(),
            needed_for: m.needed_for.clone(),
            state: state(&m.name),
        })
        .collect();
    for module in modules.iter().filter(|m| m.state == ModuleState::Absent) {
        let reason =
            format!("left out: this kernel has no {}, so there is no {}", module.name, module.needed_for);
        why.insert(format!("kernel.modules.{}", module.name), reason);
    }
    let mut sysctls = BTreeMap::new();
    for sysctl in &profile.sysctl {
        let key = &sysctl.key;
        match &sysctl.module {
            Some(module) if state(module) == ModuleState::Absent => {
                why.insert(format!("kernel.sysctls.{key}"), format!("left out: this kernel has no {module}"));
            }
            _ => {
                sysctls.insert(key.clone(), (sysctl.value.clone(), sysctl.reason.clone()));
            }
        }
    }
    for (key, value) in &wanted.tuning.sysctl {
        sysctls.insert(key.clone(), (value.clone(), "the box file says so".to_owned()));
    }
    let sysctls =
        sysctls.into_iter().map(|(key, (value, reason))| KernelSysctl { key, value, reason }).collect();
    Kernel { modules, sysctls }
}

pub(super) fn limits(wanted: &BoxFile, profile: &Profile) -> Vec<Limit> {
    let mut limits = profile.limits.clone();
    for limit in &mut limits {
        let own = match limit.item {
            LimitItem::Nofile => wanted.tuning.limits.nofile,
            LimitItem::Nproc => wanted.tuning.limits.nproc,
        };
        if let Some(value) = own {
            limit.value = value;
            limit.reason = "the box file says so".to_owned();
            limit.source = "tuning.limits".to_owned();
        }
    }
    limits.sort_by_key(|limit| limit.item);
    limits
}
