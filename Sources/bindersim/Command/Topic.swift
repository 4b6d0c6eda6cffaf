internal import BinderBuffer

/// Something that `bindersim help` explains and that is no command.
struct Topic: Sendable {
  let name: String
  let summary: String
  let paragraphs: [String]
  var lists: [HelpList] = []
  /// Lines of a file.
  var sample: [String] = []
  /// Command lines that can be run as they stand.
  let examples: [String]

  static let all = [exports, job, policies, questions]

  private static let exports = Topic(
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

  private static let job = Topic(
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

  private static let policies = Topic(
    name: "policies", summary: "where buffers are placed",
    paragraphs: [
      """
      rust, rust-6.18.0, c and c-6.1 answer exactly as those drivers do, ties included, so that \
      what fits here fits there; compact is this project's own.
      """
    ],
    lists: [
      HelpList(
        title: "Policies",
        entries: PlacementPolicy.allCases.map { ($0.name, explanation(of: $0)) })
    ],
    examples: [
      "bindersim run --deterministic -n 2000 -w fragmentation --policy c",
      "bindersim run --deterministic -n 2000 -w fragmentation --policy rust",
    ])

  private static func explanation(of policy: PlacementPolicy) -> String {
    switch policy {
    case .rust: "the Rust driver: up to eight buffers in a row, then best fit, lowest address"
    case .rust6180:
      "the Rust driver before Linux 6.18.19: as rust, with an older rule for oneway spam"
    case .c: "the C driver: best fit by size alone"
    case .c61: "the C driver before Linux 6.8: as c, with an older rule for oneway spam"
    case .compact: "of no driver: best fit that looks for places which need few new page frames"
    }
  }

  private static let questions = Topic(
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
