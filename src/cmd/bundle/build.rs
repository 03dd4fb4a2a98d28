//! `ciab bundle build`: fetches or builds what a profile needs.

use std::{fmt::Write as _, fs, path::PathBuf};

use serde_json::{Value, json};

use crate::{
    boxfile::{Engine, ProfileName, document, names::ServiceName},
    bundle::{
        build::{ImageSource, Settings, build},
        key,
        needs::{For, Needs},
        news::{Listener, Nobody},
    },
    cmd::place,
    failure::{Exit, Failure},
    profile::Profile,
    report::{self, out},
    units::Bytes,
};

/// Makes a bundle of everything that a profile needs, or goes on with it.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The bundle's folder: empty, missing, or an earlier bundle.
    #[arg(value_name = "DIR", required_unless_present = "dry_run")]
    pub folder: Option<PathBuf>,
    /// What the bundle shall be enough for.
    #[arg(long, value_name = "PROFILE", value_parser = profile_name)]
    pub profile: ProfileName,
    /// The engine; the profile's own when left out.
    #[arg(long, value_name = "ENGINE", value_parser = engine_name)]
    pub engine: Option<Engine>,
    /// A service beside those that the profile has switched on; may stand more than once.
    #[arg(long = "service", value_name = "SERVICE")]
    pub services: Vec<ServiceName>,
    /// The system of the box: debian-12, ubuntu-24.04.
    #[arg(long, value_name = "SYSTEM", default_value = "debian-12")]
    pub system: String,
    /// A file of what is needed, in place of what the profile needs; as --dry-run --json writes it.
    #[arg(long, value_name = "FILE")]
    pub needs: Option<PathBuf>,
    /// Where container images come from.
    #[arg(long, value_enum, default_value_t)]
    pub images: ImageSource,
    /// A registry with namespace in place of the release's own, such as registry.example.org/kolla.
    #[arg(long, value_name = "REGISTRY")]
    pub registry: Option<String>,
    /// OpenStack's list of versions: a file or a URL; the release's own when left out.
    #[arg(long, value_name = "FILE")]
    pub constraints: Option<String>,
    /// Print what is needed, and make nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// The versions of the documents of `--json`.
const NEEDS_SCHEMA: &str = "ciab/bundle-needs/v1";
const MADE_SCHEMA: &str = "ciab/bundle-made/v1";

fn profile_name(text: &str) -> Result<ProfileName, String> {
    let known = ProfileName::ALL.map(|name| name.to_string());
    let found = ProfileName::ALL.into_iter().find(|name| name.to_string() == text);
    found.ok_or_else(|| format!("there is no profile `{text}`; known: {}", known.join(", ")))
}

fn engine_name(text: &str) -> Result<Engine, String> {
    let known = [Engine::None, Engine::Kolla, Engine::Osism];
    let found = known.into_iter().find(|engine| engine.to_string() == text);
    found.ok_or_else(|| format!("there is no engine `{text}`; known: none, kolla, osism"))
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let profile = Profile::load(args.profile)?;
    let engine = args.engine.unwrap_or(profile.engines[0]);
    if !profile.engines.contains(&engine) {
        let message = format!("profile `{}` has no engine `{engine}`", profile.name);
        return Err(Failure::new(Exit::Usage, message));
    }
    let os = args.system.split_once('-').and_then(|(id, version)| profile.os_release(id, version));
    let os = os.ok_or_else(|| {
        let known: Vec<_> = profile.os.iter().map(|os| format!("{}-{}", os.id, os.version)).collect();
        let message = format!("profile `{}` does not run on `{}`", profile.name, args.system);
        Failure::new(Exit::Usage, message).hint(format!("It runs on {}.", known.join(", ")))
    })?;
    let whom = For { profile: &profile, engine, os, more: &args.services };
    let needs = match &args.needs {
        Some(file) => read(file)?,
        None => whom.needs()?,
    };
    let (Some(folder), false) = (&args.folder, args.dry_run) else { return show(&needs, args.json) };
    let settings = Settings {
        folder: std::path::absolute(folder).map_err(anyhow::Error::from)?,
        key: key::usual(&place::state_base()?),
        images: args.images,
        registry: args.registry.clone(),
        constraints: args.constraints.clone(),
    };
    let work = report::Work::on_stderr();
    let listener: &dyn Listener = if args.json { &Nobody } else { &work };
    let made = build(&whom, &needs, &settings, listener)?;
    drop(work);
    if args.json {
        let document = json!({
            "schema": MADE_SCHEMA, "key": made.key.to_string(), "parts": made.parts, "files": made.files,
            "bytes": made.size,
        });
        return out::json(&document).map(|()| Exit::Done);
    }
    let text = format!(
        "{} parts in {} files, {}, in {}\nsigned with {}\nHand the key on another way than the bundle: \
         `ciab bundle verify --key` compares it.\n",
        made.parts,
        made.files,
        Bytes(made.size).human(),
        folder.display(),
        made.key
    );
    out::page(&text).map(|()| Exit::Done)
}

/// Reads what is needed from a file.
fn read(file: &PathBuf) -> Result<Needs, Failure> {
    let text = fs::read_to_string(file)
        .map_err(|error| Failure::new(Exit::Usage, format!("read {}: {error}", file.display())))?;
    let document: Document = document::read(&file.display().to_string(), &text)?;
    Ok(document.needs)
}

/// What `--dry-run --json` writes and `--needs` reads.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Document {
    schema: Schema,
    needs: Needs,
}

/// The version of the document; another one is refused.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
enum Schema {
    #[serde(rename = "ciab/bundle-needs/v1")]
    V1,
}

fn show(needs: &Needs, json: bool) -> Result<Exit, Failure> {
    if json {
        let document: Value = json!({ "schema": NEEDS_SCHEMA, "needs": needs });
        return out::json(&document).map(|()| Exit::Done);
    }
    let mut text = String::new();
    let mut list = |title: &str, names: Vec<String>| {
        // Writing to a text does not fail.
        let _ = writeln!(text, "{title} ({})", names.len());
        names.iter().for_each(|name| text += &format!("  {name}\n"));
    };
    list("Container images", needs.images.iter().map(|i| format!("{}:{}", i.repository, i.tag)).collect());
    list("Debian packages, with what they depend on", needs.packages.clone());
    list("Python packages, with what they depend on", needs.python.clone());
    let collections = needs.collections.iter().map(|c| format!("{} from {}", c.name, c.package));
    list("Ansible collections", collections.collect());
    out::page(&text).map(|()| Exit::Done)
}
