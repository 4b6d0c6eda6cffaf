internal import BinderBuffer
internal import Glibc

/// Replays the same operations through each policy and through malloc, interleaved.
struct RangeBenchmark {
  let operations: Int
  let rounds: Int
  let progress: BenchProgress

  struct Row: BenchRow {
    let workload: String
    let policy: String
    let nsMin: Double
    let nsMedian: Double
    /// Nil in an interrupted run, as are the counts below.
    let nsP99: Double?
    let ratioToMalloc: Double
    let failures: Int
    let pagesEver: Int
    let peakPages: Int
    let meanPages: Double
    let meanPagesFloor: Double
    let freshPages: Int?
    let freshPagesUnderPressure: Int?
    let largestFreeShare: Double

    static let header = [
      "workload", "policy", "ns min", "median", "p99", "to malloc", "failures", "pages ever",
      "peak", "mean", "floor", "fresh 2k", "fresh 200", "largest free",
    ]
    static let leastImportant = [
      "pages ever", "peak", "floor", "ns min", "fresh 200", "mean", "largest free", "fresh 2k",
    ]
    var cells: [String] {
      [
        workload, policy, Format.decimal(nsMin), Format.decimal(nsMedian),
        nsP99.map { Format.decimal($0) } ?? "", Format.decimal(ratioToMalloc, digits: 2),
        Format.grouped(failures), Format.grouped(pagesEver), Format.grouped(peakPages),
        Format.decimal(meanPages), Format.decimal(meanPagesFloor),
        freshPages.map(Format.grouped) ?? "",
        freshPagesUnderPressure.map(Format.grouped) ?? "",
        Format.decimal(largestFreeShare, digits: 2),
      ]
    }
  }

  func run() -> BenchReport<Row> {
    BenchReport(
      benchmark: "ranges", results: RangeWorkload.allCases.flatMap(rows),
      notes: [
        "\(Format.grouped(operations)) operations for each workload, \(rounds) rounds; ns of thread "
          + "CPU time for one operation, the loop included",
        "compact is timed with frames in all pages that the counting pass used",
        "p99: operations timed one by one, the clock's own time taken off",
        "to malloc: the median over rounds of the ratio within a round",
        "floor: mean of the pages that the live bytes would fill without a gap",
        "fresh 2k, fresh 200: pages that were given a frame when all idle pages lose theirs after "
          + "every 2,000 or 200 operations",
        "largest free: largest free range / all free bytes, at the end",
      ])
  }

  private func rows(_ workload: RangeWorkload) -> [Row] {
    let operations = workload.operations(operations)
    guard !Interrupt.wasRequested else { return [] }
    let policies = [PlacementPolicy.rust, .c, .c61, .compact]
    // This also warms up: every page that the timed passes use already has a frame.
    let surveys = policies.map { RangeReplay.survey(workload, operations, $0) }
    var times = policies.map { _ in [Double]() }
    var ratios = times
    for round in 0..<rounds where !Interrupt.wasRequested {
      progress.show(workload.rawValue, round: round, of: rounds)
      let malloc = RangeReplay.timeMalloc(workload, operations)
      for (index, policy) in policies.enumerated() {
        let time = RangeReplay.time(
          workload, operations, policy, surveys[index].pages.frames)
        times[index].append(time)
        ratios[index].append(time / malloc)
      }
    }
    guard !times[0].isEmpty else { return [] }
    return policies.enumerated().map { index, policy in
      let survey = surveys[index]
      func fresh(_ interval: Int) -> Int? {
        Interrupt.wasRequested
          ? nil
          : RangeReplay.survey(workload, operations, policy, reclaimEvery: interval).pages.fresh
      }
      return Row(
        workload: workload.rawValue, policy: policy.name, nsMin: times[index].min()!,
        nsMedian: times[index].median,
        nsP99: Interrupt.wasRequested
          ? nil : RangeReplay.p99(workload, operations, policy, survey.pages.frames),
        ratioToMalloc: ratios[index].median, failures: survey.failures,
        pagesEver: survey.pages.fresh, peakPages: survey.pages.peak,
        meanPages: survey.meanPages, meanPagesFloor: survey.meanPagesFloor,
        freshPages: fresh(2000), freshPagesUnderPressure: fresh(200),
        largestFreeShare: survey.largestFreeShare)
    }
  }
}
