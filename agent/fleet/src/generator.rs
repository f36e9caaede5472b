//! Generators: where an ApplicationSet's parameters come from.
//!
//! ```text
//!   generator node ──read──▶ Generator ──transform──▶ [(parameters, template)]
//!        ▲                                                  │
//!        └── interpolated with the first child's parameters ┘  (matrix)
//! ```

mod clusters;
mod git;
mod interpolate;
mod list;
mod matrix;
mod merge;
mod sets;
pub mod trace;

use muster_model::{Node, Reason};

use crate::decode::{Decoder, Fields};
use crate::failure::Failure;
use crate::params::{self, Params};
use crate::selector::{Selector, Subject};
use crate::template::{Language, Renderer, is_templated};

pub use clusters::{IN_CLUSTER, IN_CLUSTER_SERVER, Member, Members, SECRET_TYPE};
pub(crate) use clusters::{sentinel_cluster, show_text};
pub use git::{GitSource, Listing};
pub(crate) use merge::fill_template;
pub use sets::ParameterSets;

/// Parameter sets one ApplicationSet may generate: 200,000, forty for each of 5,000 clusters.
const MAX_PARAMETER_SETS: usize = 200_000;

/// A selector of clusters that matches none of the fleet, by the path of its field and its line.
pub(crate) type Idle = (String, u32);

/// One entry of `generators`: usually one kind, filtered by a selector.
#[derive(Debug, Clone, PartialEq)]
pub struct Generator {
    /// The kinds that are set; each gives parameters of its own.
    pub kinds: Vec<Kind>,
    /// Keeps only the parameters that match.
    pub selector: Option<Selector>,
    /// As written, for interpolation.
    node: Node,
    templated: bool,
    path: String,
}

/// One kind of generator.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Elements written down.
    List(list::List),
    /// The clusters of the fleet.
    Clusters(clusters::Clusters),
    /// Directories or files of the hub repository.
    Git(git::Git),
    /// Every combination of two generators.
    Matrix(matrix::Matrix),
    /// Parameters of the first generator, completed by the others.
    Merge(merge::Merge),
}

/// What generators are evaluated against.
pub struct Scene<'m, 'a> {
    /// The clusters.
    pub members: &'m Members,
    /// The hub repository.
    pub git: GitSource<'a>,
    /// The template language of the ApplicationSet.
    pub language: Language,
    /// Executes templates.
    pub renderer: &'a mut Renderer,
}

/// Parameters, and the template they go into where the generator overrides the set's.
#[derive(Debug, Clone)]
pub struct Generated<'m> {
    /// One set of parameters for each Application.
    pub params: ParameterSets<'m>,
    /// The generator's own template.
    pub template: Option<Node>,
}

/// How deep a generator lies: combinations nest only once, as in Argo CD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// An entry of the ApplicationSet.
    Top,
    /// A child of a matrix or merge generator.
    Nested,
    /// A child of such a child.
    Terminal,
}

impl Generator {
    /// Reads one entry of `generators`.
    pub fn read(decoder: &mut Decoder, node: &Node, path: &str, depth: Depth) -> Self {
        let mut fields = decoder.fields(node, path);
        let selector = fields.take("selector").map(|node| {
            let path = fields.path_of("selector");
            Selector::read(decoder, node, &path, Subject::Parameters)
        });
        let before = decoder.problem_count();
        let kinds = read_kinds(decoder, &mut fields, depth);
        if kinds.is_empty() && decoder.problem_count() == before {
            let problem = decoder.wrong(node.span.line, path, "the entry names no generator");
            problem.remedy = Some("one of: list, clusters, git, matrix, merge".to_owned());
        }
        decoder.finish(fields);
        Self {
            kinds,
            selector,
            node: node.clone(),
            templated: is_templated(node),
            path: path.to_owned(),
        }
    }

    /// The parameters of each kind, filtered.
    ///
    /// # Errors
    /// When parameters cannot be generated.
    pub fn transform<'m>(&self, scene: &mut Scene<'m, '_>) -> Result<Vec<Generated<'m>>, Failure> {
        self.kinds
            .iter()
            .map(|kind| self.transform_kind(kind, scene))
            .collect()
    }

    fn transform_kind<'m>(
        &self,
        kind: &Kind,
        scene: &mut Scene<'m, '_>,
    ) -> Result<Generated<'m>, Failure> {
        let mut params = kind.generate(scene)?;
        if let Some(selector) = &self.selector {
            let shown = |params: &Params| clusters::shown(params::flatten(params));
            params = params.filtered(|params| selector.matches(&shown(params)));
        }
        if params.len() > MAX_PARAMETER_SETS {
            return Err(Failure::of(
                Reason::NodeBudget,
                format!("more than {MAX_PARAMETER_SETS} parameter sets are generated"),
            ));
        }
        Ok(Generated {
            params,
            template: kind.template().cloned(),
        })
    }

    /// The parameters of the one kind that a child of a matrix or merge generator may have.
    fn single<'m>(
        &self,
        scene: &mut Scene<'m, '_>,
        parent: &str,
    ) -> Result<ParameterSets<'m>, Failure> {
        match self.kinds.as_slice() {
            [kind] => Ok(self.transform_kind(kind, scene)?.params),
            [] => Err(Failure::of(
                Reason::InvalidField,
                "child generator generated no parameters",
            )),
            _ => Err(Failure::of(
                Reason::InvalidField,
                format!("found more than one generator in {parent}.generators"),
            )),
        }
    }

    /// The selectors of clusters, children's included, that match no cluster of the fleet.
    pub(crate) fn idle_selectors(&self, members: &Members, found: &mut Vec<Idle>) {
        for kind in &self.kinds {
            match kind {
                Kind::Clusters(clusters) if clusters.is_idle(members) && !self.templated => {
                    found.push((format!("{}.clusters.selector", self.path), clusters.line));
                }
                Kind::Matrix(matrix::Matrix { generators, .. })
                | Kind::Merge(merge::Merge { generators, .. }) => {
                    for generator in generators {
                        generator.idle_selectors(members, found);
                    }
                }
                Kind::List(_) | Kind::Clusters(_) | Kind::Git(_) => {}
            }
        }
    }

    /// The same generator with another's parameters put into its texts.
    fn interpolated(&self, scene: &mut Scene<'_, '_>, with: &Params) -> Result<Self, Failure> {
        if !self.templated || with.is_empty() {
            return Ok(self.clone());
        }
        let node = interpolate::generator(scene, &self.node, with)?;
        // The places are kept, the file is not known here: the caller adds it.
        let mut decoder =
            Decoder::new("", Reason::InvalidField).strings(crate::decode::Strings::Templated);
        let mut generator = Self::read(&mut decoder, &node, &self.path, Depth::Nested);
        generator.selector.clone_from(&self.selector);
        decoder.refuse_all()?;
        Ok(generator)
    }
}

impl Kind {
    fn generate<'m>(&self, scene: &mut Scene<'m, '_>) -> Result<ParameterSets<'m>, Failure> {
        match self {
            Self::List(list) => list.generate(scene).map(ParameterSets::from),
            Self::Clusters(clusters) => clusters.generate(scene),
            Self::Git(git) => git.generate(scene).map(ParameterSets::from),
            Self::Matrix(matrix) => matrix.generate(scene),
            Self::Merge(merge) => merge.generate(scene),
        }
    }

    fn template(&self) -> Option<&Node> {
        match self {
            Self::List(list) => list.template.as_ref(),
            Self::Clusters(clusters) => clusters.template.as_ref(),
            Self::Git(git) => git.template.as_ref(),
            Self::Matrix(matrix) => matrix.template.as_ref(),
            Self::Merge(merge) => merge.template.as_ref(),
        }
    }

    /// The word of the file.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::List(_) => "list",
            Self::Clusters(_) => "clusters",
            Self::Git(_) => "git",
            Self::Matrix(_) => "matrix",
            Self::Merge(_) => "merge",
        }
    }
}

fn read_kinds(decoder: &mut Decoder, fields: &mut Fields<'_>, depth: Depth) -> Vec<Kind> {
    let mut kinds = Vec::new();
    if let Some((node, path)) = open(fields, "list") {
        kinds.push(Kind::List(list::List::read(decoder, node, &path)));
    }
    // `clusters: {}` is a generator; a bare `clusters:` is not, as in Argo CD.
    if let Some((node, path)) = open(fields, "clusters") {
        kinds.push(Kind::Clusters(clusters::Clusters::read(
            decoder, node, &path,
        )));
    }
    if let Some((node, path)) = open(fields, "git") {
        kinds.push(Kind::Git(git::Git::read(decoder, node, &path)));
    }
    if let Some(child) = combination(decoder, fields, "matrix", depth)
        && let Some((node, path)) = open(fields, "matrix")
    {
        kinds.push(Kind::Matrix(matrix::Matrix::read(
            decoder, node, &path, child,
        )));
    }
    if let Some(child) = combination(decoder, fields, "merge", depth)
        && let Some((node, path)) = open(fields, "merge")
    {
        kinds.push(Kind::Merge(merge::Merge::read(decoder, node, &path, child)));
    }
    for (name, remedy) in REFUSED {
        decoder.unsupported(fields, name, Reason::NotSupported, remedy);
    }
    kinds
}

/// Generators that ask something other than Git, and what to write instead.
const REFUSED: &[(&str, &str)] = &[
    (
        "scmProvider",
        "a plan reads Git only: list the repositories with a `list` generator, or write the list in CI",
    ),
    (
        "pullRequest",
        "a plan reads Git only: write the open pull requests as a file in CI and read it with a `git` files generator",
    ),
    (
        "plugin",
        "a plan reads Git only: run the plugin in CI and read its output with a `git` files generator",
    ),
    (
        "clusterDecisionResource",
        "select clusters by label with the `clusters` generator; labels live in fleet.yaml",
    ),
];

fn open<'n>(fields: &mut Fields<'n>, name: &'static str) -> Option<(&'n Node, String)> {
    fields.take(name).map(|node| (node, fields.path_of(name)))
}

/// How deep the children of a combination lie, or a problem when it lies too deep itself.
fn combination(
    decoder: &mut Decoder,
    fields: &mut Fields<'_>,
    name: &'static str,
    depth: Depth,
) -> Option<Depth> {
    match depth {
        Depth::Top => Some(Depth::Nested),
        Depth::Nested => Some(Depth::Terminal),
        Depth::Terminal => {
            decoder.unsupported(
                fields,
                name,
                Reason::NotSupported,
                "combinations of generators nest only once, as in Argo CD",
            );
            None
        }
    }
}

/// Reads the children of a combination, each as `prepare` makes it, which is told its number.
fn read_children(
    decoder: &mut Decoder,
    fields: &mut Fields<'_>,
    depth: Depth,
    prepare: fn(usize, &Node) -> Node,
) -> Vec<Generator> {
    let items = decoder.items(fields, "generators").into_iter().enumerate();
    items
        .map(|(index, (path, node))| Generator::read(decoder, &prepare(index, node), &path, depth))
        .collect()
}

/// Puts a generator's `values` into its parameters. Values see the parameters, not each other; with Go templates they
/// take the place of a parameter called `values`, as in Argo CD.
fn append_values(
    values: &std::collections::BTreeMap<String, String>,
    params: &mut Params,
    scene: &mut Scene<'_, '_>,
) -> Result<(), Failure> {
    if values.is_empty() {
        return Ok(());
    }
    let rendered = rendered_values(values, params, scene)?;
    if scene.language.is_go() {
        params.insert("values".into(), params::map(rendered));
    } else {
        for (key, value) in rendered {
            params.insert(format!("values.{key}").into(), value);
        }
    }
    Ok(())
}

fn rendered_values(
    values: &std::collections::BTreeMap<String, String>,
    params: &Params,
    scene: &mut Scene<'_, '_>,
) -> Result<Params, Failure> {
    let seen = params::map(params.clone());
    let mut rendered = Params::new();
    for (key, value) in values {
        let text = scene.renderer.text(scene.language, value, &seen)?;
        rendered.insert(key.as_str().into(), params::text(&text));
    }
    Ok(rendered)
}

/// Interpolates `values` alone: what the conformance tables call value interpolation.
///
/// # Errors
/// When a value's template fails.
pub fn interpolate_values(
    values: &std::collections::BTreeMap<String, String>,
    params: &mut Params,
    scene: &mut Scene<'_, '_>,
) -> Result<(), Failure> {
    append_values(values, params, scene)
}

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;
