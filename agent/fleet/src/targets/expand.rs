//! One ApplicationSet's Applications.

use muster_model::node::Value as NodeValue;
use muster_model::{ClusterName, Location, Map, Node, Problem, Reason, Tree};

use super::{MAX_PROBLEMS, Owner, Search};
use crate::applicationset::{ApplicationSet, Element};
use crate::decode::Decoder;
use crate::destination::Written;
use crate::failure::Failure;
use crate::generator::{Generated, GitSource, Scene, show_text};
use crate::template::Renderer;

impl Search<'_> {
    /// Evaluates one set. A generator or an element that fails takes only itself away.
    pub(super) fn set(&mut self, set: &ApplicationSet, tree: &dyn Tree, renderer: &mut Renderer) {
        let owner = Owner::Set(set.name.clone());
        let before = self.targets.problems.len();
        let mut generated = 0;
        for generator in &set.generators {
            let mut scene = Scene {
                members: &self.hub.members,
                git: GitSource::Hub {
                    tree,
                    fleet: &self.hub.fleet,
                },
                language: set.language,
                renderer,
            };
            match generator.transform(&mut scene) {
                Ok(results) => {
                    for result in results {
                        generated += result.params.len();
                        self.elements(set, &owner, &result, renderer);
                    }
                }
                Err(failure) => self.failed(set, &owner, failure, "spec.generators"),
            }
        }
        let first = self.share.is_first();
        let mut idle = Vec::new();
        for generator in set.generators.iter().filter(|_| first) {
            generator.idle_selectors(&self.hub.members, &mut idle);
        }
        for (field, line) in idle {
            let message = format!(
                "a selector of ApplicationSet `{}` matches no cluster",
                set.name
            );
            let at = Location::line(&*set.origin.file, line);
            let problem = Problem::new(Reason::SelectorMatchesNothing, message);
            self.targets.warnings.push(problem.at(at).field(field));
        }
        if generated == 0 && first && !self.targets.incomplete.sets.contains(&set.name) {
            let message = format!("ApplicationSet `{}` generates no Application", set.name);
            let problem = Problem::new(Reason::SelectorMatchesNothing, message);
            self.targets
                .warnings
                .push(problem.at(set.origin.clone()).field("spec.generators"));
        }
        self.shorten(set, before);
    }

    fn failed(&mut self, set: &ApplicationSet, owner: &Owner, failure: Failure, field: &str) {
        match failure {
            Failure::NotFetched(ids) => self.missing.extend(ids),
            Failure::Refused(problems) => {
                for mut problem in problems {
                    let place = problem.at.get_or_insert_with(|| set.origin.clone());
                    if place.file.is_empty() {
                        place.file.clone_from(&set.origin.file);
                    }
                    problem.field.get_or_insert_with(|| field.to_owned());
                    self.problem(owner, problem);
                }
            }
        }
    }

    fn elements(
        &mut self,
        set: &ApplicationSet,
        owner: &Owner,
        generated: &Generated<'_>,
        renderer: &mut Renderer,
    ) {
        let template = set.template_for(generated);
        let share = self.share;
        let own = (0..generated.params.len()).filter(|number| share.has(*number));
        for params in own.filter_map(|number| generated.params.get(number)) {
            let element = Element::new(set, &template, params);
            if let Err(failure) = self.element(&element, owner, renderer) {
                self.failed(set, owner, failure, "spec.template");
            }
        }
    }

    /// Renders one Application: all of it only when it runs on this cluster.
    fn element(
        &mut self,
        element: &Element<'_>,
        owner: &Owner,
        renderer: &mut Renderer,
    ) -> Result<(), Failure> {
        let set = element.set();
        let whole = match set.template_patch {
            Some(_) => Some(element.whole(renderer)?),
            None => None,
        };
        let (name, destination) = match &whole {
            Some(node) => (
                node.str_at(&["metadata", "name"])
                    .unwrap_or_default()
                    .to_owned(),
                node.at_path(&["spec", "destination"]).cloned(),
            ),
            None => element.head(renderer)?,
        };
        if name.is_empty() {
            return Err(Failure::of(
                Reason::TemplateFailed,
                "an Application has no name once the template is rendered",
            ));
        }
        self.names.give(&name, owner);
        let mut decoder = Decoder::new(&*set.origin.file, Reason::InvalidField);
        let written = Written::read(
            &mut decoder,
            destination.as_ref(),
            "spec.template.spec.destination",
            set.origin.line.unwrap_or_default(),
        );
        decoder.refuse_all()?;
        let cluster = written.resolve(&self.hub.directory).map_err(|problem| {
            let message = format!("Application `{name}`: {}", problem.message);
            Failure::from(Problem { message, ..problem })
        })?;
        if !self.wanted.has(&cluster) && !self.hub.follows_everywhere(&name, &cluster) {
            return Ok(());
        }
        let whole = match whole {
            Some(whole) => whole,
            None => element.whole(renderer)?,
        };
        self.take(set, owner, &shown(&whole), cluster)
    }

    /// Takes a rendered Application of this cluster, or a parent of another.
    fn take(
        &mut self,
        set: &ApplicationSet,
        owner: &Owner,
        whole: &Node,
        cluster: ClusterName,
    ) -> Result<(), Failure> {
        let is_own = self.wanted.has(&cluster);
        let definition = set.definition(whole)?;
        let application = definition.clone().on(
            &self.hub.directory,
            cluster,
            Some(&set.name),
            Some(set.on_removal),
        );
        if is_own {
            self.accept(owner.clone(), &definition, application);
        } else {
            self.parent(&definition, application);
        }
        Ok(())
    }

    /// Keeps the first problems of a set, and says how many more there are.
    fn shorten(&mut self, set: &ApplicationSet, before: usize) {
        let problems = &mut self.targets.problems;
        let more = problems.len().saturating_sub(before + MAX_PROBLEMS);
        if more > 0 {
            problems.truncate(before + MAX_PROBLEMS);
            let message = format!("{more} more problems of ApplicationSet `{}`", set.name);
            problems.push(Problem::new(Reason::TemplateFailed, message).at(set.origin.clone()));
        }
    }
}

/// The node with every stand-in for a server shown as what it stands for.
fn shown(node: &Node) -> Node {
    let value = match &node.value {
        NodeValue::String(text) => match show_text(&text.text) {
            Some(shown) => return Node::string(shown).at(node.span),
            None => return node.clone(),
        },
        NodeValue::List(items) => NodeValue::List(items.iter().map(shown).collect()),
        NodeValue::Map(map) => {
            let mut out = Map::new();
            for member in map.members() {
                let mut member = member.clone();
                member.value = shown(&member.value);
                out.push_unchecked(member);
            }
            NodeValue::Map(out)
        }
        NodeValue::Null | NodeValue::Bool(_) | NodeValue::Number(_) => return node.clone(),
    };
    Node {
        value,
        span: node.span,
    }
}
