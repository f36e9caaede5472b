//! The command line.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use muster_model::ClusterName;

use crate::commands::completion;

/// A Git-native pull agent, one per cluster, and the questions a fleet asks.
#[derive(Debug, Parser)]
#[command(
    name = "muster",
    version,
    propagate_version = true,
    max_term_width = 100
)]
#[command(
    after_help = "Exit codes: 0 all is well; 1 something is wrong, and was said; 2 the command line is not valid."
)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// When to use colour.
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto)]
    pub color: Colour,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Table,
    /// For machines.
    Json,
    /// For machines, and for people who read long.
    Yaml,
}

/// How reports are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportOutput {
    /// For people.
    Table,
    /// For machines.
    Json,
    /// For machines, and for people who read long.
    Yaml,
    /// A page that needs nothing else.
    Html,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Keeps this cluster as Git says.
    #[command(
        after_help = "Example:\n  muster agent --cluster east --repo https://git.example.com/your-org/hub-config.git"
    )]
    Agent(Box<AgentArgs>),
    /// Shows the whole fleet: what runs where, how healthy, and who is silent.
    #[command(
        after_help = "Example:\n  muster status --repo https://git.example.com/your-org/hub-config.git"
    )]
    Status(StatusArgs),
    /// Prints what a directory renders to, as `kustomize build` would.
    #[command(
        after_help = "Example:\n  muster render apps/shop/overlays/prod\n  muster render apps/shop/overlays/prod --commit HEAD~1\n  muster render apps/shop/overlays/prod --explain Deployment/web"
    )]
    Render(RenderArgs),
    /// Shows what a commit will do to every cluster of the fleet, with no cluster in reach.
    #[command(
        after_help = "Example:\n  muster plan --from main --to HEAD\n  muster plan --cluster west --from HEAD~1 --output json\n\nExit codes: 0 nothing needs anybody; 1 something is wrong; 2 the command line is not valid; 3 deletions need an approval that the commit does not have; 4 with --detailed-exitcode: something changes, and nothing needs an approval."
    )]
    Plan(Box<PlanArgs>),
    /// Checks everything that can be known from a commit: fleet file, templates, renders, guardrails.
    #[command(
        after_help = "Example:\n  muster validate\n  muster validate --commit HEAD --output github"
    )]
    Validate(Box<ValidateArgs>),
    /// Explains why a cluster has, or lacks, an Application: each step with its evidence.
    #[command(
        after_help = "Example:\n  muster explain west\n  muster explain west shop-west\n  muster explain west Deployment/web\n  muster explain --set shop\n\nExit codes: 0 it runs; 1 it waits, fails or is not for the cluster; 2 the command line is not valid."
    )]
    Explain(Box<ExplainArgs>),
    /// Draws which directories go to which clusters.
    #[command(
        after_help = "Example:\n  muster graph\n  muster graph --output mermaid\n  muster graph --commit HEAD --output html > fleet.html"
    )]
    Graph(Box<GraphArgs>),
    /// Adds a cluster to the fleet file, or lets one leave; comments and order of everything else stay.
    #[command(
        subcommand,
        after_help = "Example:\n  muster cluster add west --labels env=prod,region=eu\n  muster cluster add --from cluster-api/west.yaml\n  muster cluster remove west"
    )]
    Cluster(ClusterCommand),
    /// Prints every reason for a refusal or a hold, with its meaning and remedy.
    #[command(after_help = "Example:\n  muster reasons NeedsApproval")]
    Reasons(ReasonsArgs),
    /// Prints the JSON Schema of the fleet file.
    #[command(after_help = "Example:\n  muster schema > fleet.schema.json")]
    Schema,
    /// Prints a completion script for a shell. It asks muster for values too: clusters, branches, ApplicationSets.
    #[command(
        after_help = "Example:\n  muster completion bash > /etc/bash_completion.d/muster\n  muster completion zsh > \"${fpath[1]}/_muster\"\n  muster completion fish > ~/.config/fish/completions/muster.fish"
    )]
    Completion {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Credentials for a Git server; none of them appears in a process list or a log.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct CredentialArgs {
    /// Directory with the files `username` and `password`, or `bearerToken`, as a mounted Secret has them. Read anew at
    /// every poll.
    #[arg(long, value_name = "DIR", env = "MUSTER_CREDENTIALS")]
    pub credentials: Option<PathBuf>,
    /// PEM file with the certificate authorities to trust, besides the system's.
    #[arg(long, value_name = "FILE", env = "MUSTER_CA_FILE")]
    pub ca_file: Option<PathBuf>,
}

/// `muster agent`.
#[derive(Debug, Clone, ClapArgs)]
pub struct AgentArgs {
    /// This cluster's name in the fleet file.
    #[arg(long, env = "MUSTER_CLUSTER", value_parser = cluster_name)]
    pub cluster: ClusterName,
    /// URL of the hub repository.
    #[arg(long, env = "MUSTER_REPO")]
    pub repo: String,
    /// Branch, tag or commit of the hub repository.
    #[arg(long, env = "MUSTER_REVISION", default_value = "main")]
    pub revision: String,
    /// Path of the fleet file in the hub repository.
    #[arg(long, env = "MUSTER_FLEET_FILE", default_value = "fleet.yaml")]
    pub fleet_file: String,
    /// URL of the repository that takes statuses; the hub repository when not given.
    #[arg(long, env = "MUSTER_STATUS_REPO")]
    pub status_repo: Option<String>,
    /// Directory for the local Git store. Losing it costs a fetch.
    #[arg(long, env = "MUSTER_STORE", default_value = "/var/lib/muster")]
    pub store: PathBuf,
    /// Kubeconfig, its current context; the pod's own service account when not given.
    #[arg(long, env = "KUBECONFIG")]
    pub kubeconfig: Option<PathBuf>,
    /// Namespace of the agent: its parent object and its signing key live there.
    #[arg(long, env = "POD_NAMESPACE", default_value = "muster-system")]
    pub namespace: String,
    /// The namespaces to look after, at most ten, separated by commas; all when not given. The agent then needs rights in
    /// these alone: nothing in another namespace is applied or deleted.
    #[arg(
        long,
        env = "MUSTER_NAMESPACES",
        value_delimiter = ',',
        value_name = "NAMESPACE"
    )]
    pub namespaces: Vec<String>,
    /// How often every object is compared with the cluster by value, beside the watch: a duration such as `24h`; `0s`
    /// for never.
    #[arg(long, env = "MUSTER_AUDIT", default_value = "24h", value_parser = duration)]
    pub audit: std::time::Duration,
    /// Seconds between polls.
    #[arg(long, env = "MUSTER_POLL_SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub poll_seconds: u32,
    /// Requests to the API server that may be under way at once.
    #[arg(long, env = "MUSTER_CONCURRENCY", default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub concurrency: u8,
    /// Address of /healthz, /readyz and /metrics.
    #[arg(long, env = "MUSTER_LISTEN", default_value = "0.0.0.0:8080")]
    pub listen: std::net::SocketAddr,
    /// How logs are written.
    #[arg(long, env = "MUSTER_LOG_FORMAT", value_enum, default_value_t = LogFormat::Auto)]
    pub log_format: LogFormat,
    /// Which logs are written: a level, or tracing's directives.
    #[arg(long, env = "MUSTER_LOG", default_value = "info")]
    pub log: String,
    /// How to reach the Git servers.
    #[command(flatten)]
    pub git: CredentialArgs,
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Readable on a terminal, JSON elsewhere.
    Auto,
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// `muster status`.
#[derive(Debug, Clone, ClapArgs)]
pub struct StatusArgs {
    /// URL, or path of a clone.
    #[arg(long, default_value = ".", env = "MUSTER_REPO")]
    pub repo: String,
    /// URL or path of the status repository, when it is another one.
    #[arg(long, env = "MUSTER_STATUS_REPO")]
    pub status_repo: Option<String>,
    /// Branch, tag or commit whose fleet file says who should report.
    #[arg(long, default_value = "main", add = completion::revisions())]
    pub revision: String,
    /// Path of the fleet file in the hub repository.
    #[arg(long, default_value = "fleet.yaml")]
    pub fleet_file: String,
    /// How to print.
    #[arg(long, short, value_enum, default_value_t = Output::Table)]
    pub output: Output,
    /// How to reach the Git server.
    #[command(flatten)]
    pub git: CredentialArgs,
}

/// `muster render`.
#[derive(Debug, Clone, ClapArgs)]
pub struct RenderArgs {
    /// The directory, as for `kustomize build`.
    #[arg(default_value = ".", value_hint = clap::ValueHint::DirPath)]
    pub dir: PathBuf,
    /// Nothing outside this directory is read; the enclosing Git work tree when not given, else the whole file system.
    #[arg(long)]
    pub root: Option<PathBuf>,
    /// Renders from this commit of the enclosing repository instead of from files.
    #[arg(long, value_name = "REV", add = completion::revisions())]
    pub commit: Option<String>,
    /// Order of the objects, unless the kustomization has `sortOptions`.
    #[arg(long, value_enum, default_value_t = ReorderArg::Legacy)]
    pub reorder: ReorderArg,
    /// Whether files outside the kustomization's own directory may be read.
    #[arg(long, value_enum, default_value_t = LoadRestrictorArg::RootOnly)]
    pub load_restrictor: LoadRestrictorArg,
    /// Writes to this file, or one file for each object into this directory.
    #[arg(long, short)]
    pub output: Option<PathBuf>,
    /// Says of each field of an object which file and which step gave it.
    #[arg(long, value_name = "[NAMESPACE/]KIND/NAME", conflicts_with = "output")]
    pub explain: Option<String>,
    /// Adds the label app.kubernetes.io/managed-by, as `buildMetadata: [managedByLabel]` does.
    #[arg(long)]
    pub enable_managedby_label: bool,
    /// What kustomize takes and muster does not.
    #[command(flatten)]
    pub refused: RefusedArgs,
}

/// Flags of `kustomize build` for what muster never does: they are refused by name, not as unknown.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct RefusedArgs {
    /// Runs Helm.
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true")]
    pub enable_helm: Option<bool>,
    /// The Helm program.
    #[arg(long, hide = true)]
    pub helm_command: Option<String>,
    /// For Helm's capabilities.
    #[arg(long, hide = true)]
    pub helm_api_versions: Vec<String>,
    /// For Helm's capabilities.
    #[arg(long, hide = true)]
    pub helm_kube_version: Option<String>,
    /// Helm's own output.
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true")]
    pub helm_debug: Option<bool>,
    /// Runs programs as plugins.
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true")]
    pub enable_alpha_plugins: Option<bool>,
    /// Runs programs as functions.
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true")]
    pub enable_exec: Option<bool>,
    /// Network for plugins.
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true")]
    pub network: Option<bool>,
    /// Network for plugins.
    #[arg(long, hide = true)]
    pub network_name: Option<String>,
    /// Files for plugins.
    #[arg(long, hide = true)]
    pub mount: Vec<String>,
    /// Environment of plugins.
    #[arg(long, short = 'e', hide = true)]
    pub env: Vec<String>,
    /// User of plugins.
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true")]
    pub as_current_user: Option<bool>,
    /// Prints the Go stack of an error.
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true")]
    pub stack_trace: Option<bool>,
}

/// Why a flag of `kustomize build` is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is for Helm charts.
    Helm,
    /// It is for plugins.
    Plugins,
    /// It is for the stack of an error.
    Stack,
}

impl RefusedArgs {
    /// The flags that were given, with why each is refused.
    #[must_use]
    pub fn given(&self) -> Vec<(&'static str, Refusal)> {
        let Self {
            enable_helm,
            helm_command,
            helm_api_versions,
            helm_kube_version,
            helm_debug,
            enable_alpha_plugins,
            enable_exec,
            network,
            network_name,
            mount,
            env,
            as_current_user,
            stack_trace,
        } = self;
        let on = |flag: &Option<bool>| *flag == Some(true);
        let helm = [
            ("--enable-helm", on(enable_helm)),
            ("--helm-command", helm_command.is_some()),
            ("--helm-api-versions", !helm_api_versions.is_empty()),
            ("--helm-kube-version", helm_kube_version.is_some()),
            ("--helm-debug", on(helm_debug)),
        ];
        let plugins = [
            ("--enable-alpha-plugins", on(enable_alpha_plugins)),
            ("--enable-exec", on(enable_exec)),
            ("--network", on(network)),
            ("--network-name", network_name.is_some()),
            ("--mount", !mount.is_empty()),
            ("--env", !env.is_empty()),
            ("--as-current-user", on(as_current_user)),
        ];
        let stack = [("--stack-trace", on(stack_trace))];
        let with = |why: Refusal| move |(flag, given): (&'static str, bool)| (flag, why, given);
        let all = helm.into_iter().map(with(Refusal::Helm));
        all.chain(plugins.into_iter().map(with(Refusal::Plugins)))
            .chain(stack.into_iter().map(with(Refusal::Stack)))
            .filter(|(_, _, is_given)| *is_given)
            .map(|(flag, why, _)| (flag, why))
            .collect()
    }
}

/// `--reorder`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReorderArg {
    /// As written.
    None,
    /// Namespaces and definitions first, webhooks last.
    Legacy,
}

/// `--load-restrictor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LoadRestrictorArg {
    /// Files lie at or below the kustomization.
    #[value(name = "LoadRestrictionsRootOnly")]
    RootOnly,
    /// Files may lie anywhere below the root.
    #[value(name = "LoadRestrictionsNone")]
    None,
}

/// Which commit of which repository a question is about.
#[derive(Debug, Clone, ClapArgs)]
pub struct CommitArgs {
    /// Path of a clone of the hub repository, or its URL.
    #[arg(long, default_value = ".", value_hint = clap::ValueHint::DirPath)]
    pub repo: PathBuf,
    /// Path of the fleet file in the hub repository.
    #[arg(long, default_value = "fleet.yaml")]
    pub fleet_file: String,
    /// A clone of another repository that Applications come from; once for each.
    #[arg(long, value_name = "URL=PATH", value_parser = clone_of)]
    pub clone: Vec<(String, String)>,
    /// Key of the digests that stand for values of Secrets, so that they can be compared between machines; one of this
    /// user's own when not given.
    #[arg(long, value_name = "FILE", env = "MUSTER_DIGEST_KEY")]
    pub digest_key: Option<PathBuf>,
    /// Renders everything anew, and keeps nothing in $XDG_CACHE_HOME/muster.
    #[arg(long)]
    pub no_cache: bool,
    /// How to reach the Git server, where `--repo` is a URL.
    #[command(flatten)]
    pub git: CredentialArgs,
}

/// `muster plan`.
#[derive(Debug, Clone, ClapArgs)]
pub struct PlanArgs {
    /// Only this cluster; may be given more than once. All of the fleet when not given.
    #[arg(long, value_parser = cluster_name, add = completion::clusters())]
    pub cluster: Vec<ClusterName>,
    /// The commit in force; nothing when not given, so that everything appears.
    #[arg(long, value_name = "REV", add = completion::revisions())]
    pub from: Option<String>,
    /// The commit that comes.
    #[arg(long, value_name = "REV", default_value = "HEAD", add = completion::revisions())]
    pub to: String,
    /// Exits with 4 when something changes, so that 0 means nothing does.
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// How to print.
    #[arg(long, short, value_enum, default_value_t = ReportOutput::Table)]
    pub output: ReportOutput,
    /// Which repository.
    #[command(flatten)]
    pub at: CommitArgs,
}

/// How a verdict is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ValidateOutput {
    /// For people, as a compiler prints.
    Table,
    /// For machines.
    Json,
    /// For machines, and for people who read long.
    Yaml,
    /// A page that needs nothing else.
    Html,
    /// Annotations of a GitHub workflow.
    Github,
    /// GitLab's code quality report.
    Gitlab,
    /// SARIF 2.1.0.
    Sarif,
}

/// `muster validate`.
#[derive(Debug, Clone, ClapArgs)]
pub struct ValidateArgs {
    /// The commit; the files of the work tree when not given.
    #[arg(long, value_name = "REV", add = completion::revisions())]
    pub commit: Option<String>,
    /// How to print.
    #[arg(long, short, value_enum, default_value_t = ValidateOutput::Table)]
    pub output: ValidateOutput,
    /// Which repository.
    #[command(flatten)]
    pub at: CommitArgs,
}

/// `muster explain`.
#[derive(Debug, Clone, ClapArgs)]
pub struct ExplainArgs {
    /// The cluster.
    #[arg(
        value_parser = cluster_name,
        required_unless_present = "set",
        conflicts_with = "set",
        add = completion::clusters()
    )]
    pub cluster: Option<ClusterName>,
    /// An Application, an ApplicationSet, or an object as KIND/NAME; the cluster as a whole when not given.
    #[arg(value_name = "APPLICATION|KIND/NAME", add = completion::sets())]
    pub subject: Option<String>,
    /// Every cluster, one line each: who has Applications of this ApplicationSet, who has not, and why.
    #[arg(long, value_name = "APPLICATIONSET", add = completion::sets())]
    pub set: Option<String>,
    /// With --set: a cluster that is expected, whether the fleet file has it or not; may be given more than once.
    #[arg(
        long,
        value_name = "CLUSTER",
        value_parser = cluster_name,
        requires = "set",
        add = completion::clusters()
    )]
    pub expect: Vec<ClusterName>,
    /// The commit.
    #[arg(long, value_name = "REV", default_value = "HEAD", add = completion::revisions())]
    pub commit: String,
    /// URL or path of the status repository, when it is another one.
    #[arg(long, env = "MUSTER_STATUS_REPO")]
    pub status_repo: Option<String>,
    /// How to print.
    #[arg(long, short, value_enum, default_value_t = ReportOutput::Table)]
    pub output: ReportOutput,
    /// Which repository.
    #[command(flatten)]
    pub at: CommitArgs,
}

/// `muster cluster`.
#[derive(Debug, Clone, Subcommand)]
pub enum ClusterCommand {
    /// Adds an entry at the end of spec.clusters.
    #[command(
        after_help = "Example:\n  muster cluster add west --labels env=prod,region=eu\n  muster cluster add --from ~/.kube/config --labels env=dev"
    )]
    Add(Box<ClusterAddArgs>),
    /// Lets a cluster leave, in two commits: first it is told to, and once it says that it has left its entry goes.
    #[command(
        after_help = "Example:\n  muster cluster remove west                    # sets state: Leaving\n  muster cluster remove west --on-leave Prune   # the same, and what it runs is deleted\n  muster cluster remove west                    # once it has left: takes the entry out"
    )]
    Remove(Box<ClusterRemoveArgs>),
}

/// Which fleet file is edited.
#[derive(Debug, Clone, ClapArgs)]
pub struct FileArgs {
    /// The fleet file.
    #[arg(long, default_value = "fleet.yaml", value_hint = clap::ValueHint::FilePath)]
    pub file: PathBuf,
    /// Shows what would change, and changes nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// `muster cluster add`.
#[derive(Debug, Clone, ClapArgs)]
pub struct ClusterAddArgs {
    /// Its name; the name in the file of --from when not given.
    #[arg(value_parser = cluster_name, required_unless_present = "from")]
    pub name: Option<ClusterName>,
    /// Its labels, which generators select by.
    #[arg(long, value_name = "KEY=VALUE", value_delimiter = ',', value_parser = pair)]
    pub labels: Vec<(String, String)>,
    /// Its annotations, which templates can read.
    #[arg(long, value_name = "KEY=VALUE", value_delimiter = ',', value_parser = pair)]
    pub annotations: Vec<(String, String)>,
    /// The server that Argo CD knows it by.
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// Public key that may sign its status, as the agent prints it; may be given more than once.
    #[arg(long, value_name = "KEY")]
    pub status_key: Vec<String>,
    /// A Cluster of Cluster API, whose name, labels and addresses are taken over, or a kubeconfig, whose current
    /// cluster's name and server are.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub from: Option<PathBuf>,
    /// Which fleet file.
    #[command(flatten)]
    pub file: FileArgs,
}

/// `--on-leave`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnLeaveArg {
    /// What it runs stays there.
    #[value(name = "Preserve", alias = "preserve")]
    Preserve,
    /// What it runs is deleted.
    #[value(name = "Prune", alias = "prune")]
    Prune,
}

/// `muster cluster remove`.
#[derive(Debug, Clone, ClapArgs)]
pub struct ClusterRemoveArgs {
    /// Its name.
    #[arg(value_parser = cluster_name, add = completion::clusters())]
    pub name: ClusterName,
    /// What becomes of what it runs.
    #[arg(long, value_enum)]
    pub on_leave: Option<OnLeaveArg>,
    /// Takes the entry of a leaving cluster out although it has not said that it left.
    #[arg(long)]
    pub force: bool,
    /// URL or path of the repository with its status; the fleet file's own when not given.
    #[arg(long, env = "MUSTER_STATUS_REPO")]
    pub status_repo: Option<String>,
    /// Which fleet file.
    #[command(flatten)]
    pub file: FileArgs,
    /// How to reach the status repository, where it is a URL.
    #[command(flatten)]
    pub git: CredentialArgs,
}

/// How a graph is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GraphOutput {
    /// A tree for a terminal.
    #[value(alias = "text")]
    Table,
    /// A flowchart of mermaid, which forges draw in Markdown.
    Mermaid,
    /// A page that needs nothing else.
    Html,
    /// For machines.
    Json,
    /// For machines, and for people who read long.
    Yaml,
}

/// `muster graph`.
#[derive(Debug, Clone, ClapArgs)]
pub struct GraphArgs {
    /// The commit; the files of the work tree when not given.
    #[arg(long, value_name = "REV", add = completion::revisions())]
    pub commit: Option<String>,
    /// How to draw.
    #[arg(long, short, value_enum, default_value_t = GraphOutput::Table)]
    pub output: GraphOutput,
    /// Which repository.
    #[command(flatten)]
    pub at: CommitArgs,
}

/// `muster reasons`.
#[derive(Debug, Clone, ClapArgs)]
pub struct ReasonsArgs {
    /// Only this one.
    #[arg(add = completion::reasons())]
    pub name: Option<String>,
    /// How to print.
    #[arg(long, short, value_enum, default_value_t = Output::Table)]
    pub output: Output,
}

fn duration(text: &str) -> Result<std::time::Duration, String> {
    muster_fleet::duration::parse(text).map_err(|e| e.to_string())
}

fn pair(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .filter(|(key, _)| !key.is_empty())
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .ok_or_else(|| "write KEY=VALUE".to_owned())
}

fn clone_of(text: &str) -> Result<(String, String), String> {
    text.rsplit_once('=')
        .filter(|(url, path)| !url.is_empty() && !path.is_empty())
        .map(|(url, path)| (url.to_owned(), path.to_owned()))
        .ok_or_else(|| "write URL=PATH".to_owned())
}

fn cluster_name(text: &str) -> Result<ClusterName, String> {
    ClusterName::new(text).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent_and_every_verb_has_an_example() {
        let command = Args::command();
        command.clone().debug_assert();
        let nested = command
            .get_subcommands()
            .flat_map(clap::Command::get_subcommands);
        for verb in command.get_subcommands().chain(nested) {
            assert!(
                verb.get_after_help()
                    .is_some_and(|help| help.to_string().contains("muster ")),
                "{}",
                verb.get_name()
            );
        }
    }
}
