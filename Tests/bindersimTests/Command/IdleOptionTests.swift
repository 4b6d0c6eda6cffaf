import Testing

/// An option that would do nothing is refused.
@Suite(.timeLimit(.minutes(1))) struct IdleOptionTests {
  @Test(arguments: [
    ("run -w bulk --job /dev/null", "--workload has no effect with --job"),
    ("run --deterministic --threads 4", "--threads has no effect in simulated time"),
    ("state --threads 4", "--threads has no effect in simulated time"),
    ("run --hgrm-step send", "--hgrm-step has no effect without --hgrm"),
    ("check --seed 4 --seeds 1-3", "--seed has no effect with --seeds"),
    ("check --steps 4 --only 1,2", "--steps has no effect with --only"),
    ("bench ranges --bytes 88", "--bytes is for bench transactions"),
    ("bench transactions -n 2000", "--operations is for bench ranges"),
    ("bench scale --rounds 3", "--rounds has no effect on bench scale"),
  ])
  func isRefused(line: String, reason: String) throws {
    let tool = try BuiltTool.run(line.split(separator: " ").map(String.init))
    #expect(tool.status == 2)
    #expect(tool.output == "")
    #expect(tool.errors.contains(reason), "\(tool.errors)")
  }
}
