//! One directory with a kustomization: its objects gathered, generated and transformed, base by base.

use std::sync::Arc;

use muster_model::tree::EntryKind;
use muster_model::{Location, Problem, Reason, RepoPath};

use crate::config::Config;
use crate::explain::{Cause, note_one};
use crate::failure::{Step, Stop};
use crate::generate::{self, Kind};
use crate::kustomization::{FILE_NAMES, GeneratorOptions, Kustomization, Lined, Role};
use crate::origin::Origin;
use crate::plugin::Plugin;
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::session::{Reading, Session, escapes};
use crate::transform::patches::yaml_1_1;
use crate::transform::vars::{self, Vars};
use crate::transformer;
use crate::{crds, parse, remote};

/// What a build gathered so far.
#[derive(Debug, Default)]
pub(crate) struct Accumulator {
    pub(crate) map: ResMap,
    /// `None` before any kustomization contributed.
    config: Option<Arc<Config>>,
    pub(crate) vars: Vars,
}

impl Accumulator {
    /// The fields for every transformer.
    pub(crate) fn config(&self) -> Arc<Config> {
        self.config.clone().unwrap_or_else(Config::defaults)
    }

    fn merge_config(&mut self, more: &Arc<Config>) -> Step<()> {
        let default = Config::defaults();
        let merged = match &self.config {
            None if Arc::ptr_eq(more, &default) => default,
            Some(mine) if Arc::ptr_eq(mine, more) || Arc::ptr_eq(more, &default) => return Ok(()),
            // Merged even into nothing: of two fields that cover each other only the first stays.
            mine => {
                let mut merged = mine.as_deref().cloned().unwrap_or_default();
                merged.merge(Config::clone(more))?;
                Arc::new(merged)
            }
        };
        self.config = Some(merged);
        Ok(())
    }

    fn merge(&mut self, other: Self) -> Step<()> {
        self.map.append_all(other.map.into_list())?;
        if let Some(config) = &other.config {
            self.merge_config(config)?;
        }
        self.vars.merge(other.vars.into_list())
    }
}

/// A directory that is being built.
pub(crate) struct Target {
    dir: RepoPath,
    /// The kustomization file, from the root of the tree.
    file: String,
    file_name: &'static str,
    pub(crate) kustomization: Kustomization,
    origin: Option<Origin>,
    /// Directories that led here, outermost first; this one is the last.
    visited: Vec<RepoPath>,
}

impl Target {
    /// Reads the kustomization of the directory a build starts at.
    pub(crate) fn root(session: &mut Session<'_>, dir: &RepoPath) -> Step<Self> {
        let (file_name, kustomization) = load(session, dir)?;
        let origin = (!kustomization.build_metadata.is_empty()).then(Origin::default);
        let file = dir.child(file_name).to_string();
        Ok(Self {
            dir: dir.clone(),
            file,
            file_name,
            kustomization,
            origin,
            visited: vec![dir.clone()],
        })
    }

    /// The kustomization file, from the root of the tree.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// Puts the OpenAPI document of the kustomization in force.
    pub(crate) fn set_schema(&self, session: &mut Session<'_>) -> Step<()> {
        let openapi = &self.kustomization.openapi;
        let wrong = |message: &str| -> Step<()> {
            Err(Problem::new(Reason::InvalidField, message)
                .at(Location::file(&*self.file))
                .field("openapi")
                .into())
        };
        if session.schemas.is_fixed() {
            return Ok(());
        }
        match (openapi.get("path"), openapi.get("version")) {
            (Some(_), Some(_)) => {
                wrong("builtin version and custom schema provided, cannot use both")
            }
            (Some(path), None) => {
                let path = session.resolve_file(&self.dir, path)?;
                let documents = session.documents(&path, Reading::Values)?;
                if let Some(document) = documents.first() {
                    session.schemas.set_custom(document);
                }
                Ok(())
            }
            (None, Some(version)) if version == "v1.21.2" => {
                session.schemas.fix();
                Ok(())
            }
            (None, Some(version)) if version.is_empty() => Ok(()),
            (None, Some(_)) => wrong("the specified OpenAPI version is not built in"),
            (None, None) => Ok(()),
        }
    }

    /// Gathers, generates and transforms. A component starts from what its user gathered.
    pub(crate) fn accumulate(
        &mut self,
        session: &mut Session<'_>,
        start: Accumulator,
    ) -> Step<Accumulator> {
        session.enter(self.visited.len())?;
        self.prefetch(session);
        let mut all = start;
        let resources = std::mem::take(&mut self.kustomization.resources);
        let gathered = self.resources(session, &mut all, &resources);
        let components = std::mem::take(&mut self.kustomization.components);
        if let Err(Stop::Missing) = &gathered {
            // What is missing in the components is asked for in the same round.
            drop(self.components(session, Accumulator::default(), &components));
        }
        gathered?;
        self.configure(session, &mut all)?;
        self.generate(session, &mut all)?;
        let mut all = self.components(session, all, &components)?;
        if session.is_missing() {
            return Err(Stop::Missing);
        }
        self.transform(session, &mut all)?;
        self.validate(session, &mut all)?;
        vars::mark(&mut all.map, &self.kustomization.vars).map_err(|stop| self.here(stop))?;
        let vars = std::mem::take(&mut self.kustomization.vars);
        all.vars.merge(vars).map_err(|stop| self.here(stop))?;
        Ok(all)
    }

    fn here(&self, stop: Stop) -> Stop {
        stop.or_at(|| Location::file(&*self.file))
    }

    fn line(&self, line: u32) -> Location {
        Location::line(&*self.file, line)
    }

    fn prefetch(&self, session: &mut Session<'_>) {
        let k = &self.kustomization;
        let lined = [
            &k.patches_strategic_merge,
            &k.crds,
            &k.configurations,
            &k.generators,
            &k.transformers,
            &k.validators,
        ];
        let patches = k
            .patches
            .iter()
            .chain(&k.patches_json6902)
            .map(|p| &*p.path);
        let generated = k.config_map_generator.iter().chain(&k.secret_generator);
        let paths = lined
            .into_iter()
            .flatten()
            .map(|(path, _)| &**path)
            .chain(patches)
            .chain(generated.flat_map(generate::key_values::file_paths))
            .chain(k.replacements.iter().map(|r| &*r.path))
            .chain(k.openapi.get("path").map(|p| &**p));
        for path in paths.filter(|p| !p.is_empty()) {
            session.prefetch(&self.dir, path);
        }
    }

    fn resources(
        &mut self,
        session: &mut Session<'_>,
        all: &mut Accumulator,
        paths: &[Lined],
    ) -> Step<()> {
        let mut missing = false;
        for (path, line) in paths {
            match self.resource(session, all, path) {
                Ok(()) => {}
                Err(Stop::Missing) => missing = true,
                Err(_) if missing => {}
                Err(stop) => return Err(stop.or_at(|| self.line(*line)).via(self.line(*line))),
            }
        }
        if missing { Err(Stop::Missing) } else { Ok(()) }
    }

    /// The path that an entry of the kustomization names; it is never remote and never leaves the tree.
    fn local(&self, session: &Session<'_>, text: &str) -> Step<RepoPath> {
        if remote::is_remote(text) {
            return Err(remote::refusal(text).into());
        }
        let path = session.options.join(&self.dir, text);
        Ok(path.map_err(|error| escapes(&error.to_string()))?)
    }

    fn resource(
        &mut self,
        session: &mut Session<'_>,
        all: &mut Accumulator,
        text: &str,
    ) -> Step<()> {
        let path = self.local(session, text)?;
        match session.kind_at(&path)? {
            Some(EntryKind::Tree) => {
                let below = self.accumulate_directory(
                    session,
                    text,
                    &path,
                    Role::Kustomization,
                    Accumulator::default(),
                )?;
                all.merge(below)
            }
            Some(_) => {
                let path = session.resolve_file(&self.dir, text)?;
                let documents = session.documents(&path, Reading::Resources)?;
                let file = path.to_string();
                let mut resources = parse::resources(documents.to_vec(), &file)?;
                session.count_objects(resources.len())?;
                if session.explains {
                    let cause = Cause::of_file("resource", &file);
                    for resource in &mut resources {
                        note_one(resource, &cause);
                    }
                }
                for resource in &resources {
                    session.schemas.note_load(&resource.node);
                }
                if let Some(origin) = &self.origin {
                    let origin = origin.append(text);
                    for resource in &mut resources {
                        resource.origin = Some(origin.clone());
                    }
                }
                all.map.append_all(resources)
            }
            None => Err(Problem::new(
                Reason::PathNotFound,
                format!("there is no file or directory {path}"),
            )
            .into()),
        }
    }

    fn components(
        &mut self,
        session: &mut Session<'_>,
        start: Accumulator,
        paths: &[Lined],
    ) -> Step<Accumulator> {
        let mut all = start;
        let mut missing = false;
        for (text, line) in paths {
            let start = if missing {
                Accumulator::default()
            } else {
                std::mem::take(&mut all)
            };
            match self.component(session, text, start) {
                Ok(next) => all = next,
                Err(Stop::Missing) => missing = true,
                Err(_) if missing => {}
                Err(stop) => return Err(stop.or_at(|| self.line(*line)).via(self.line(*line))),
            }
        }
        if missing { Err(Stop::Missing) } else { Ok(all) }
    }

    fn component(
        &mut self,
        session: &mut Session<'_>,
        text: &str,
        start: Accumulator,
    ) -> Step<Accumulator> {
        let path = self.local(session, text)?;
        match session.kind_at(&path)? {
            Some(EntryKind::Tree) => {
                self.accumulate_directory(session, text, &path, Role::Component, start)
            }
            Some(_) => Err(Problem::new(
                Reason::InvalidField,
                format!("{path} is a file; a component is a directory"),
            )
            .into()),
            None => Err(Problem::new(
                Reason::PathNotFound,
                format!("there is no directory {path}"),
            )
            .into()),
        }
    }

    fn accumulate_directory(
        &mut self,
        session: &mut Session<'_>,
        text: &str,
        dir: &RepoPath,
        role: Role,
        start: Accumulator,
    ) -> Step<Accumulator> {
        if let Some(seen) = self.visited.iter().find(|v| v.is_within(dir)) {
            let message = format!("cycle: {dir} is, or contains, {seen}, which led here");
            return Err(Problem::new(Reason::Cycle, message).into());
        }
        // Checked before the file is read: a chain may be endless.
        if self.visited.len() >= session.budgets().kustomization_depth {
            session.enter(self.visited.len() + 1)?;
        }
        let (file_name, mut kustomization) = load(session, dir)?;
        kustomization
            .build_metadata
            .clone_from(&self.kustomization.build_metadata);
        let mut visited = self.visited.clone();
        visited.push(dir.clone());
        let file = dir.child(file_name).to_string();
        let mut below = Self {
            dir: dir.clone(),
            file,
            file_name,
            kustomization,
            origin: self.origin.as_ref().map(|o| o.append(text)),
            visited,
        };
        below.set_schema(session)?;
        match (role, below.kustomization.role) {
            (Role::Kustomization, Role::Kustomization) | (Role::Component, Role::Component) => {}
            (Role::Component, Role::Kustomization) => {
                let message =
                    format!("expected kind 'Component' for {dir} but got 'Kustomization'");
                return Err(Problem::new(Reason::InvalidField, message)
                    .at(Location::file(&*below.file))
                    .into());
            }
            (Role::Kustomization, Role::Component) => {
                let message = format!("{dir} is a Component; name it under `components`");
                return Err(Problem::new(Reason::InvalidField, message)
                    .at(Location::file(&*below.file))
                    .into());
            }
        }
        below.accumulate(session, start)
    }

    fn configure(&self, session: &mut Session<'_>, all: &mut Accumulator) -> Step<()> {
        let mut config = Config::defaults();
        if !self.kustomization.configurations.is_empty() {
            let mut own = Config::clone(&config);
            let given =
                self.read_configs(session, &self.kustomization.configurations, Config::read)?;
            own.merge(given).map_err(|stop| self.here(stop))?;
            config = Arc::new(own);
        }
        all.merge_config(&config).map_err(|stop| self.here(stop))?;
        if !self.kustomization.crds.is_empty() {
            let given = self.read_configs(session, &self.kustomization.crds, |node, _| {
                crds::config_of(node)
            })?;
            all.merge_config(&Arc::new(given))
                .map_err(|stop| self.here(stop))?;
        }
        Ok(())
    }

    fn read_configs(
        &self,
        session: &mut Session<'_>,
        paths: &[Lined],
        read: impl Fn(&muster_model::Node, &str) -> Step<Config>,
    ) -> Step<Config> {
        let mut all = Config::default();
        for (text, line) in paths {
            let mut add = || -> Step<()> {
                let path = session.resolve_file(&self.dir, text)?;
                if let Some(document) = session.documents(&path, Reading::Values)?.first() {
                    all.merge(read(document, &path.to_string())?)?;
                }
                Ok(())
            };
            add().map_err(|stop| stop.or_at(|| self.line(*line)).via(self.line(*line)))?;
        }
        Ok(all)
    }

    fn generate(&mut self, session: &mut Session<'_>, all: &mut Accumulator) -> Step<()> {
        let k = &self.kustomization;
        let maps = k.config_map_generator.iter().map(|a| (Kind::ConfigMap, a));
        let secrets = k.secret_generator.iter().map(|a| (Kind::Secret, a));
        for (kind, args) in maps.chain(secrets) {
            let mut args = args.clone();
            args.options =
                GeneratorOptions::over(args.options.as_ref(), k.generator_options.as_ref());
            let at = || generate::place(&self.file, &args);
            let mut made = generate::generate(session, &self.dir, kind, &args)
                .map_err(|stop| stop.or_at(at))?;
            made.file = Some(self.file.as_str().into());
            made.origin = self
                .origin
                .as_ref()
                .map(|o| o.builtin(self.file_name, kind.generator()));
            all.map
                .absorb_all(vec![made])
                .map_err(|stop| stop.or_at(at))?;
            session.note(&mut all.map, || {
                Cause::new(kind.generator(), &self.file, args.line)
            });
        }
        let generators = std::mem::take(&mut self.kustomization.generators);
        for config in self.plugins(session, &generators)? {
            let plugin = Plugin::new(&self.dir, &config)?;
            let mut made = plugin.generate(session).map_err(|stop| self.here(stop))?;
            for resource in &mut made {
                resource.file = Some(self.file.as_str().into());
                resource.origin = plugin_origin(&config);
            }
            all.map.absorb_all(made).map_err(|stop| self.here(stop))?;
            session.note(&mut all.map, || plugin_cause(&config));
        }
        Ok(())
    }

    /// The configuration objects that paths and inline texts give.
    fn plugins(&mut self, session: &mut Session<'_>, entries: &[Lined]) -> Step<Vec<Resource>> {
        let mut all = Accumulator::default();
        let mut paths = Vec::new();
        for (text, line) in entries {
            match session
                .parse_inline(text, (&self.file, *line), Reading::Resources)
                .and_then(|d| parse::resources(d, &self.file))
            {
                Ok(mut inline) => {
                    let origin = self.origin.as_ref().map(|o| o.append(self.file_name));
                    for resource in &mut inline {
                        resource.origin.clone_from(&origin);
                    }
                    all.map
                        .append_all(inline)
                        .map_err(|stop| stop.or_at(|| self.line(*line)))?;
                }
                Err(stop) if text.contains('\n') => return Err(stop.via(self.line(*line))),
                Err(_) => paths.push((text.clone(), *line)),
            }
        }
        self.resources(session, &mut all, &paths)?;
        Ok(all.map.into_list())
    }

    fn transform(&mut self, session: &mut Session<'_>, all: &mut Accumulator) -> Step<()> {
        let config = all.config();
        let fields =
            transformer::of_fields(session, &self.dir, &self.file, &self.kustomization, &config)
                .map_err(|stop| self.here(stop))?;
        let builtin = |name| {
            self.origin
                .as_ref()
                .map(|o| o.builtin(self.file_name, name))
        };
        let mut steps: Vec<_> = fields
            .into_iter()
            .map(|asked| {
                let cause = Cause::new(asked.name, &self.file, asked.line);
                (builtin(asked.name), cause, asked.step)
            })
            .collect();
        let transformers = std::mem::take(&mut self.kustomization.transformers);
        for config in self.plugins(session, &transformers)? {
            let step = Plugin::new(&self.dir, &config)?
                .transformer(session)
                .map_err(|stop| self.here(stop))?;
            steps.push((plugin_origin(&config), plugin_cause(&config), step));
        }
        for (origin, cause, step) in steps {
            step.run(session, &mut all.map).map_err(|stop| {
                let at = || Location::line(&*cause.file, cause.line);
                stop.or_at(at).via(Location::file(&*self.file))
            })?;
            session.note(&mut all.map, || cause);
            if let Some(origin) = origin {
                record_transformation(&mut all.map, &origin);
            }
            all.map.drop_empty();
            all.map.settle_groups();
        }
        let mut objects = all.map.list().iter();
        objects
            .try_for_each(Resource::check_metadata)
            .map_err(|stop| self.here(stop))
    }

    fn validate(&mut self, session: &mut Session<'_>, all: &mut Accumulator) -> Step<()> {
        let validators = std::mem::take(&mut self.kustomization.validators);
        for config in self.plugins(session, &validators)? {
            let step = Plugin::new(&self.dir, &config)?
                .transformer(session)
                .map_err(|stop| self.here(stop))?;
            let before: Vec<_> = all.map.list().iter().map(Resource::clone).collect();
            step.run(session, &mut all.map)
                .map_err(|stop| self.here(stop))?;
            let mut pairs = all.map.list().iter().zip(&before);
            if all.map.list().len() != before.len() || !pairs.all(|(a, b)| a.is_same(b)) {
                let message = "a validator changed the objects it validates";
                return Err(self.here(crate::failure::failed(message).field("validators").into()));
            }
        }
        Ok(())
    }
}

/// Reads the kustomization of a directory.
fn load(session: &mut Session<'_>, dir: &RepoPath) -> Step<(&'static str, Kustomization)> {
    let mut found = Vec::new();
    for name in FILE_NAMES {
        if let Some(EntryKind::Blob) = session.kind_at(&dir.child(name))? {
            found.push(name);
        }
    }
    match found.as_slice() {
        [name] => {
            let path = dir.child(name);
            let mut first: Vec<_> = session
                .documents(&path, Reading::Kustomization)?
                .first()
                .cloned()
                .into_iter()
                .collect();
            let (_, bytes) = session.read(&path)?;
            for document in &mut first {
                yaml_1_1(document, &bytes);
            }
            Ok((name, Kustomization::read(&first, &path.to_string())?))
        }
        [] => {
            let message = match session.kind_at(dir)? {
                Some(_) => format!("{dir} has none of {}", FILE_NAMES.join(", ")),
                None => format!("there is no directory {dir}"),
            };
            Err(Problem::new(Reason::PathNotFound, message).into())
        }
        several => {
            let message = format!(
                "found multiple kustomization files under {dir}: {}",
                several.join(", ")
            );
            Err(crate::failure::failed(message)
                .at(Location::file(dir.to_string()))
                .into())
        }
    }
}

/// What a plugin changes is put down to its configuration.
fn plugin_cause(config: &Resource) -> Cause {
    let file = config.file.as_deref().unwrap_or_default();
    Cause::new(&config.kind(), file, config.node.span.line)
}

/// Who a plugin is, when origins are recorded.
fn plugin_origin(config: &Resource) -> Option<Origin> {
    let origin = config.origin.as_ref()?;
    let id = config.id();
    Some(Origin {
        path: String::new(),
        configured_in: origin.path.clone(),
        configured_by: [
            id.gvk.api_version(),
            id.gvk.kind.to_string(),
            id.name.to_string(),
            id.namespace.to_string(),
        ],
    })
}

fn record_transformation(map: &mut ResMap, origin: &Origin) {
    for resource in map.list_mut() {
        if resource.origin.is_none() {
            resource.origin = Some(origin.clone());
        } else {
            resource.transformations.push(origin.clone());
        }
        resource.rewrite_annotations();
    }
}
