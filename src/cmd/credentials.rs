//! `ciab credentials`: how to log in to the cloud of a box, in files for this machine.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use super::look::{Measuring, Sight};
use crate::{
    boxfile::args::BoxArgs,
    failure::{Exit, Failure},
    plan::{self, Plan},
    report::{credentials_page, out},
    tree::Tree,
};

/// Where the box has what is handed out here.
const CLOUDS: &str = "/etc/ciab/clouds.yaml";
const AUTHORITY: &str = "/usr/local/share/ca-certificates/ciab.crt";

/// Writes down how to log in to the cloud: clouds.yaml, openrc and the authority's certificate.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    #[command(flatten)]
    pub file: BoxArgs,
    /// The folder for the files, made where it does not exist; files of these names in it are replaced. Left out, only
    /// the addresses are shown, and where the box itself has the files.
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

/// Renders the files as the box has them, with the paths that they have here.
pub async fn run(args: &Args) -> Result<Exit, Failure> {
    let sight = Sight::of(&args.file, None, Measuring::No).await?;
    let plan = sight.plan.as_ref().map_err(|errors| plan::refused(errors))?;
    let (tree, _) = sight.steps(plan)?;
    let made = tree.0.contains_key(CLOUDS) && sight.secrets.contains_key(ADMINISTRATOR);
    if !made {
        let why = "there is nothing to log in to: no cloud was deployed to this box by engine `kolla`";
        return Err(Failure::new(Exit::Usage, why).hint("`ciab deploy` makes it"));
    }
    if let Some(folder) = &args.output {
        for (name, text) in files(plan, &tree, &absolute(folder)?) {
            write(&folder.join(name), &text)?;
        }
    }
    out::page(&credentials_page(plan, args.output.as_deref()))?;
    Ok(Exit::Done)
}

/// The secret that the administrator logs in with, by its name in `profiles/secrets.yaml`.
const ADMINISTRATOR: &str = "keystone_admin_password";

/// The files by name. They name each other by their whole paths.
fn files(plan: &Plan, tree: &Tree, folder: &Path) -> [(&'static str, String); 4] {
    let text = |path: &str| tree.0.get(path).map_or(String::new(), |entry| entry.text.clone());
    let authority = folder.join("ca.crt");
    let clouds = text(CLOUDS).replace(AUTHORITY, &authority.to_string_lossy());
    let at = folder.join("clouds.yaml");
    let openrc = format!(
        "# `. openrc` in a shell; the password stays in the file that it names.\n\
         export OS_CLIENT_CONFIG_FILE={}\nexport OS_CLOUD=admin\n",
        shlex::try_quote(&at.to_string_lossy()).unwrap_or_default()
    );
    let hosts = plan.cloud.as_ref().map_or(String::new(), |cloud| {
        format!("# A line for /etc/hosts of this machine.\n{} {}\n", cloud.api.vip, cloud.api.fqdn)
    });
    [("ca.crt", text(AUTHORITY)), ("clouds.yaml", clouds), ("openrc", openrc), ("hosts", hosts)]
}

fn absolute(folder: &Path) -> Result<PathBuf, Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(Exit::Usage, format!("make the folder {}: {error}", folder.display()))
    };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    fs::canonicalize(folder).map_err(failed)
}

/// Made aside and renamed: nobody reads half a file, and nobody but its owner reads it at all.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let failed =
        |error: std::io::Error| Failure::new(Exit::Usage, format!("write {}: {error}", path.display()));
    let aside = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    let mut file =
        options.write(true).create(true).truncate(true).mode(0o600).open(&aside).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&aside, path).map_err(failed)
}
