import BinderBuffer
import Testing

@testable import bindersim

/// The kernel's release decides by which rules sizes are judged.
@Suite(.timeLimit(.minutes(15))) struct KernelTests {
  private static let exhausted =
    "[7.5] binder_alloc: 271: binder_alloc_buf size 88 failed, no async space left (150)\n"

  @Test(
    arguments: [
      ("5.10.149-android12-9", "88 bytes and 104 that this kernel wants beside them", 104),
      ("4.19.100", "88 bytes and 96 that this kernel wants beside them", 96),
      ("5.15.78-android13-8", "88 bytes and 104 that this kernel wants beside them", 104),
      ("6.12.23-android16-5", "It would have fitted a kernel with the fix of January 2024", 0),
    ], [true, false])
  func theHeaderOfOnewayMessages(
    kernel: (release: String, words: String, header: Int), isGiven: Bool
  ) throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let version =
      isGiven ? "" : "[    0.000000] Linux version \(kernel.release) (build@host) (clang) #1 SMP\n"
    writeFile(scratch.path("dmesg.txt"), version + Self.exhausted)
    let all = try CaseFiles.explained(
      paths: [scratch.path("dmesg.txt")], kernel: isGiven ? kernel.release : nil)
    #expect(all.kernel == kernel.release)
    #expect(
      all.rules?.values["oneway-header"]
        == (kernel.release.hasPrefix("5.15")
          ? "hybrid" : "\(kernel.header)"))
    #expect(all.rules?.reason.contains(isGiven ? "as given" : "as the files tell") == true)
    #expect(all.refusals.map(\.onewayHeader) == [kernel.header])
    #expect(all.answer("Full, fragmented, or too large?").contains(kernel.words))
    #expect(ExplainText.text(all).contains("rules oneway-header="))
  }

  @Test func withoutAKernelNothingIsSupposed() throws {
    let all = try CaseFiles.explained(text: Self.exhausted)
    #expect(all.rules == nil && all.refusals[0].onewayHeader == nil)
    #expect(
      all.answer("Full, fragmented, or too large?").contains("earlier ones want 96 or 104 bytes"))
  }

  /// Half of 1,040,384 bytes is 520,192.
  @Test(arguments: [("6.12.1", Refusal.Cause.onewayExhausted), ("5.10.1", .neverFitsOneway)])
  func neverFits(kernel: String, cause: Refusal.Cause) throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    writeFile(
      scratch.path("log"),
      "binder_alloc: 271: binder_alloc_buf size 520120 failed, no async space left (520000)\n")
    let all = try CaseFiles.explained(paths: [scratch.path("log")], kernel: kernel)
    #expect(all.refusals.map(\.cause) == [cause])
  }

  /// A log among the files tells the kernel that the capture does not.
  @Test func theLogTellsTheCapturesKernel() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    writeFile(scratch.path("dmesg.txt"), "[    0.000000] Linux version 4.19.100 (a@b) #1\n")
    let all = try CaseFiles.explained(paths: [
      CaseFiles.path("two-contexts-one-pid.ftrace"), scratch.path("dmesg.txt"),
    ])
    let capture = try #require(all.captures.first)
    #expect(capture.runs.first?.policy == "c-4.14+empty-oneway=leaks")
    #expect(capture.policyReason.contains("kernel 4.19.100 (a log among the files)"))
  }

  @Test func kernelsThatAreNotModelled() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    writeFile(scratch.path("dmesg.txt"), "[    0.000000] Linux version 3.18.31-perf (a@b) #1\n")
    let all = try CaseFiles.explained(paths: [
      CaseFiles.path("two-contexts-one-pid.ftrace"), scratch.path("dmesg.txt"),
    ])
    let notes = try #require(all.captures.first).notes.joined()
    #expect(notes.contains("3.18.31-perf is not modelled") && notes.contains("newer kernels only"))
  }

  /// How a log is worded is the kernel's, not that of the newest with the same rules.
  @Test(
    arguments: [
      ("5.10.149-android12-9", PredictedLog.Style.c), ("5.18.1", .c), ("5.19.1", .cNamed),
      ("6.1.90", .cNamed), ("6.12.23-android16-5", .cNamed), ("6.13.12", .cNamed), ("6.14", .cCode),
      ("6.18.2", .cCode),
    ])
  func wordings(release: String, style: PredictedLog.Style) throws {
    let kernel = try KernelRelease(release)
    #expect(PredictedLog(try kernel.policy().policy, kernel).style == style)
    #expect(PredictedLog(.rust, kernel).style == .rust)
  }

  /// Kernels of 5.10 log spam and do not tell the sender; older ones do neither. The header counts.
  @Test(
    arguments: [
      ("c-4.14", []), ("c-5.10.209", [49, 49 * 304]), ("c-5.10", [37, 37 * 408]),
      ("c-6.1", [49, 49 * 304]), ("rust", []),
    ])
  func spamLines(policy: String, figures: [Int]) throws {
    var capture = SyntheticCapture()
    for id in 1...60 {
      capture.send(id, from: 40, 40, to: 20, node: id, oneway: true, data: 300)
    }
    var options = ReplayOptions(path: "synthetic")
    options.policies = [try #require(PlacementPolicy(name: policy))]
    // 18,432 bytes of oneway space: the 49th (with 104 bytes more each, the 37th) leaves less than a
    // tenth of the region.
    options.regionLengths = [36_864]
    let process = try #require(try capture.replayed(options).runs.first?.processes.first)
    #expect(
      process.spamLog
        == (figures.isEmpty
          ? []
          : [
            "binder_alloc: 20: pid 40 spamming oneway? \(figures[0]) buffers allocated for a "
              + "total size of \(figures[1])"
          ]))
  }
}
