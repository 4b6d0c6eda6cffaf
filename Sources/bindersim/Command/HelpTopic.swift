internal import BinderBuffer

/// Something that `bindersim help` explains and that is no command.
struct HelpTopic: Sendable {
  let name: String
  let summary: String
  let paragraphs: [String]
  var lists: [HelpList] = []
  /// Lines of a file.
  var sample: [String] = []
  /// Command lines that can be run as they stand.
  let examples: [String]

  static let all = [exports, job, policies, questions, rules]

  private static let exports = HelpTopic(
    name: "exports", summary: "files that run and replay write, and what opens them",
    paragraphs: [
      """
      Every file is written whole or not at all, and one of them may be -, which is standard \
      output. With several policies or regions, a replay's traces are those of the first.
      """,
      """
      Traces keep the first million events and say how many they left out.
      """,
    ],
    lists: [
      HelpList(
        title: "Options",
        entries: [
          ("--html", "a report with plots, for any browser, on paper, without a network"),
          ("--trace", "Chrome trace events, for ui.perfetto.dev or chrome://tracing"),
          ("--ftrace", "the kernel's ftrace text, for bindersim replay and other readers"),
          ("--hgrm", "percentiles, for HdrHistogram's plotter; --hgrm-step says of what"),
          ("--json", "all figures, for programs; the manual has the schema"),
        ])
    ],
    examples: [
      "bindersim run --deterministic -n 1000 --html report.html --trace trace.json",
      "bindersim run --deterministic -n 1000 --ftrace run.ftrace",
      "bindersim run --deterministic -n 1000 --hgrm calls.hgrm --hgrm-step roundTrip",
    ])

  private static let job = HelpTopic(
    name: "job", summary: "workloads of your own, from a file of 'key = value' lines",
    paragraphs: ["Every key has a default; # begins a comment."],
    lists: [
      HelpList(
        title: "Keys",
        entries: JobFile.keys.map { ($0.name, "\($0.help) (default: \($0.shownDefault))") })
    ],
    sample: [
      "name = camera", "sizes = 88:50, 96-244:40, 4K-64K:10@2   # bytes : how often @ objects",
      "arrivals = 700", "burst = 4", "oneway = 60%", "hold = 250us 2ms 8ms", "senders = 3",
      "receivers = 1",
    ],
    examples: [
      "bindersim run --job camera.job --deterministic --html camera.html",
      "bindersim run --job camera.job --duration 1s",
    ])

  private static let policies = HelpTopic(
    name: "policies", summary: "where buffers are placed",
    paragraphs: [
      """
      The policies of drivers answer exactly as those do, ties included, so that what fits here \
      fits there; compact is this project's own. 'bindersim help rules' tells how they differ, and \
      --kernel finds the one of a kernel.
      """
    ],
    lists: [
      HelpList(
        title: "Policies",
        entries: PlacementPolicy.allCases.map { ($0.name, $0.meaning) })
    ],
    examples: [
      "bindersim run --deterministic -n 2000 -w fragmentation --policy c",
      "bindersim run --deterministic -n 2000 -w fragmentation --policy rust",
    ])

  private static let rules = HelpTopic(
    name: "rules", summary: "what drivers do differently, and which kernel does what",
    paragraphs: [
      """
      All released drivers place buffers by one of two ways of searching. What else differs is a \
      rule with a name; --kernel sets them all as that kernel's driver has them, --rule some by \
      hand. Reports say which were used and why. A release of Android's or of a phone's kernel \
      does not always tell what its driver does: then the answer names the alternatives, which \
      --policy chooses.
      """
    ],
    lists: [
      HelpList(
        title: "Rules",
        entries: DriverRules.all.map {
          ($0.name, "\($0.summary): \($0.values.joined(separator: ", "))")
        }),
      HelpList(
        title: "Sets",
        entries: PlacementPolicy.allCases.map { ($0.name, "\($0.rules)") }),
    ],
    examples: [
      "bindersim run --deterministic -n 2000 --kernel 6.1.90",
      "bindersim run --deterministic -n 2000 -w oneway-flood --policy c --rule oneway-header=104",
    ])

  private static let questions = HelpTopic(
    name: "questions", summary: "which command answers what",
    paragraphs: [
      """
      All of these are answered one by one in the summary of the report that --html writes; this \
      is where it shows them.
      """
    ],
    lists: [
      HelpList(
        title: "Questions",
        entries: [
          ("who fills it?", "Regions: the fullest moment, and who held how much then"),
          ("fragmented?", "Regions: holes in the map, and the fragmentation plot"),
          ("a longer region?", "Summary: tried; or replay with --region 1016K,2M"),
          ("who spams?", "Sizes and senders: the column of spam reports"),
          ("what leaks?", "Buffers that were never freed: the oldest, and who sent them"),
          ("how many pages?", "Regions: peak pages, and pages with a frame over time"),
        ])
    ],
    examples: [
      "bindersim run -w leak --deterministic -n 8k --html leak.html",
      "bindersim run -w oneway-flood --deterministic -n 8k --region 64K --html flood.html",
    ])
}
