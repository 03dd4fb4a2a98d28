//! Where the cloud of a box answers, and what was written down for logging in to it.

use std::{fmt::Write as _, path::Path};

use crate::plan::Plan;

/// The page of `ciab credentials`; it holds no secret.
pub fn credentials_page(plan: &Plan, folder: Option<&Path>) -> String {
    let Some(cloud) = &plan.cloud else { return String::new() };
    let mut text = String::new();
    let name = &cloud.api.fqdn;
    let _ = writeln!(text, "Identity    https://{name}:5000/v3");
    if cloud.has("horizon") {
        let _ = writeln!(text, "Dashboard   https://{name}/");
    }
    let _ = writeln!(text, "User        admin, domain default, project admin");
    let _ = writeln!(
        text,
        "Address     {} (internal network of the box: reach it through the box)",
        cloud.api.vip
    );
    let _ = match folder {
        Some(folder) => writeln!(
            text,
            "Files       {0}/clouds.yaml with the password, {0}/ca.crt, {0}/openrc, {0}/hosts",
            folder.display()
        ),
        None => writeln!(text, "Files       on the box, for root: /etc/ciab/clouds.yaml, /etc/ciab/openrc"),
    };
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        boxfile::Engine,
        render::testing::{DEBIAN, PLAIN, cloud, plan},
    };

    #[test]
    fn the_dashboard_is_named_where_there_is_one() {
        let page = credentials_page(&cloud(Engine::Kolla, &[]), Some(Path::new("/home/a")));
        assert!(page.contains("https://api.cloud1.example.org:5000/v3"), "{page}");
        assert!(page.contains("Dashboard   https://api.cloud1.example.org/"), "{page}");
        assert!(page.contains("/home/a/clouds.yaml"), "{page}");
        assert_eq!(credentials_page(&plan(&DEBIAN, PLAIN), None), "", "a box without a cloud");
    }
}
