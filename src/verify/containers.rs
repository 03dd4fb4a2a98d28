//! The container engine, asked and used.

use super::{Proof, proof, says};
use crate::{
    plan::{Plan, Proxy, StorageDriver},
    step::Probe,
};

/// The image is made of the helper alone and is a few megabytes; a slow disk takes its time for them.
const RUN: u32 = 60;

pub(super) fn proofs(plan: &Plan) -> Vec<Proof> {
    let docker = &plan.docker;
    let driver = match docker.storage_driver {
        StorageDriver::Overlay2 => "overlay2",
        StorageDriver::Vfs => "vfs",
    };
    let mut all = vec![
        says(
            "container-engine",
            "The container engine runs as it was told",
            vec![format!("{} {} {driver} {}", docker.log_driver, docker.live_restore, docker.data_root)],
            &[
                "docker",
                "info",
                "--format",
                "{{.LoggingDriver}} {{.LiveRestoreEnabled}} {{.Driver}} {{.DockerRootDir}}",
            ],
        ),
        says(
            "container-network",
            "Containers get addresses of their own network",
            vec![docker.bip.trunc().to_string()],
            &["docker", "network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Subnet}}"],
        ),
    ];
    if let Proxy::Via { http, https, .. } = &plan.network.proxy {
        let or_empty = |url: &Option<crate::boxfile::system::Url>| {
            url.as_ref().map_or(String::new(), ToString::to_string)
        };
        all.push(says(
            "container-proxy",
            "Images come through the proxy",
            vec![format!("{} {}", or_empty(http), or_empty(https)).trim().to_owned()],
            &["docker", "info", "--format", "{{.HTTPProxy}} {{.HTTPSProxy}}"],
        ));
    }
    let argv = [
        "%helper".to_owned(),
        "agent".to_owned(),
        "prove-containers".to_owned(),
        format!("--log-size={}", docker.log_max_size.0),
        format!("--log-files={}", docker.log_max_file),
    ];
    let run = proof(
        "containers",
        "A container runs, its log is bounded, and it reaches another network through this box",
        "runs; logs as in daemon.json; reaches 203.0.113.2",
        Probe::Command { argv: argv.to_vec() },
    );
    all.push(Proof { within: RUN, ..run });
    all
}
