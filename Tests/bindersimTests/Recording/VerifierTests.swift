import BinderBuffer
import Testing

@testable import bindersim

/// Recordings against the engine: what agrees, what differs, what cannot be used.
@Suite struct VerifierTests {
  private static let header = "driver rust 6.18.0\nregion 8192\nsenders 2\n"

  private func verify(_ text: String) -> Verification {
    var verifier = Verifier(RecordingReader(name: "r", bytes: Array(text.utf8)))
    return verifier.run()
  }

  /// A recording of our own.
  private static func recorded(_ options: RecordOptions) throws -> String {
    var text = ""
    try runRecord(options) { text += $0 }
    return text
  }

  @Test func agreement() {
    let verification = verify(
      Self.header + """
        # a call, a oneway, and their ends
        alloc 1 from=0 data=100 offsets=16 extra=8 async=0 -> 0
        alloc 2 from=1 data=4097 offsets=0 extra=0 async=1 -> ENOSPC
        alloc 3 from=1 data=4096 offsets=0 extra=0 async=1 -> 128
        free 2 -> none
        stat async_free=0 buffers=2 active=2 lru=0 unmapped=0
        alloc 4 from=0 data=20 offsets=8 extra=0 async=0 -> EINVAL
        free 1
        free 1 -> none
        free 3
        stat async_free=4096 buffers=0 active=0 lru=2 unmapped=0
        reclaim 1
        pages 0
        reclaim
        pages none\n
        """)
    #expect(verification.verdict == .agrees)
    #expect(verification.operations == 10)
    #expect(verification.checkpoints == 4)
  }

  @Test(arguments: [
    ("-> 128", "-> 136", 6), ("-> ENOSPC", "-> 104", 5), ("-> EINVAL", "-> ENOSPC", 9),
    ("async=1 -> 128", "async=1 -> 128 spam", 6), ("active=2", "active=1", 8),
    ("lru=2", "lru=3", 12), ("buffers=2", "buffers=1", 8), ("async_free=0", "async_free=8", 8),
    ("unmapped=0", "unmapped=1", 8), ("pages 0", "pages 1", 14), ("reclaim 1", "reclaim 2", 14),
  ])
  func oneAlteredWordIsCaughtThere(word: String, other: String, line: Int) throws {
    let text =
      Self.header + """
        alloc 1 from=0 data=100 offsets=16 extra=8 async=0 -> 0
        alloc 2 from=1 data=4097 offsets=0 extra=0 async=1 -> ENOSPC
        alloc 3 from=1 data=4096 offsets=0 extra=0 async=1 -> 128
        free 2 -> none
        stat async_free=0 buffers=2 active=2 lru=0 unmapped=0
        alloc 4 from=0 data=20 offsets=8 extra=0 async=0 -> EINVAL
        free 1
        free 3
        stat async_free=4096 buffers=0 active=0 lru=2 unmapped=0
        reclaim 1
        pages 0\n
        """
    #expect(verify(text).agrees)
    let range = try #require(text.firstRange(of: word))
    guard case .differs(let found, _, _, _) = verify(text.replacingCharacters(range, other)).verdict
    else {
      Issue.record("not caught: \(word)")
      return
    }
    #expect(found == line)
  }

  @Test(arguments: [
    ("", "r:1: the file is empty"),
    ("# only\n", "r:1: the recording ends before its first operation"),
    ("region 8192\nfree 1\n", "r:2: no 'driver NAME VERSION' line"),
    (
      "driver c 6.12\nsenders 1\nstat async_free=0 buffers=0 active=0 lru=0 unmapped=0\n",
      "r:3: no 'region BYTES' line"
    ),
    ("driver c 6.12\nregion 4096\nreclaim\n", "r:3: no 'senders N' line"),
    ("driver c 6.12\ndriver c 6.12\n", "r:2: a second 'driver' line"),
    (
      "driver rust 6.17\nregion 4096\nsenders 1\nreclaim\n", "r:4: driver rust 6.17 is not modelled"
    ),
    ("driver vms 1\nregion 4096\nsenders 1\nreclaim\n", "r:4: driver vms 1 is not modelled"),
    ("driver c 6.12\nregion 0\nsenders 1\nreclaim\n", "r:4: cannot make the recorded region"),
    ("driver c 6.12\nregion 100\nsenders 1\nreclaim\n", "r:4: cannot make the recorded region"),
    ("senders 0\n", "r:1: 0 senders: must be 1 to"),
    ("senders 99999999999\n", "must be 1 to"),
    (header + "alloc 1 from=2 data=8 offsets=0 extra=0 async=0 -> 0\n", "r:4: from=2: senders are"),
    (header + "free 9\n", "r:4: ID 9 was never given out"),
    (
      header + "alloc 1 from=0 data=8 offsets=0 extra=0 async=0 -> 0\nfree 1 -> none\n",
      "r:5: ID 1 is live"
    ),
    (
      header + "alloc 1 from=0 data=9000 offsets=0 extra=0 async=0 -> ENOSPC\nfree 1\n",
      "r:5: ID 1 failed or was freed before"
    ),
    (
      header
        + "alloc 1 from=0 data=8 offsets=0 extra=0 async=0 -> 0\n"
        + "alloc 1 from=0 data=8 offsets=0 extra=0 async=0 -> 8\n", "r:5: ID 1 was given out before"
    ),
    (header + "reclaim\nsenders 4\n", "r:5: a second 'senders' line"),
    (header + "reclaim 1", "r:4: the file ends within this line"),
    (header + "allo", "r:4: the file ends within this line: unknown operation 'allo'"),
  ])
  func unusable(text: String, message: String) {
    guard case .unusable(let why) = verify(text).verdict else {
      Issue.record("used: \(text)")
      return
    }
    #expect(why.contains(message), "\(why)")
  }

  @Test(
    arguments: PlacementPolicy.newest + [.rust6180, .c414, .android14], RecordingWorkload.allCases)
  func ownRecordingsAgree(policy: PlacementPolicy, workload: RecordingWorkload) throws {
    let options = RecordOptions(
      policy: policy, regionLength: 262_144, workload: workload, operations: 600, seed: 7)
    let text = try Self.recorded(options)
    #expect(try Self.recorded(options) == text)
    let verification = verify(text)
    #expect(verification.verdict == .agrees)
    #expect(verification.operations == 600)
    var other = options
    other.seed = 8
    #expect(try Self.recorded(other) != text)
  }

  /// Any digit of any answer, altered, is caught at its line or makes the recording unusable there.
  @Test(arguments: 1...40)
  func anAlteredAnswerIsCaughtAtItsLine(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let text = try Self.recorded(
      RecordOptions(policy: .c, regionLength: 65536, workload: .mixed, operations: 200, seed: seed))
    var lines = text.split(separator: "\n").map(String.init)
    let candidates = lines.indices.filter {
      (lines[$0].hasPrefix("alloc") && lines[$0].last?.isNumber == true)
        || lines[$0].hasPrefix("stat")
    }
    let index = candidates[random.next(below: candidates.count)]
    var bytes = Array(lines[index].utf8)
    let start = lines[index].hasPrefix("stat") ? 0 : bytes.lastIndex(of: UInt8(ascii: ">"))! + 1
    let digits = bytes.indices.filter { $0 >= start && LineParser.isDigit(bytes[$0]) }
    let digit = digits[random.next(below: digits.count)]
    bytes[digit] = 0x30 + (bytes[digit] - 0x30 + UInt8(random.next(in: 1...9))) % 10
    lines[index] = String(decoding: bytes, as: UTF8.self)
    guard case .differs(let line, _, _, _) = verify(lines.joined(separator: "\n") + "\n").verdict
    else {
      Issue.record("not caught at line \(index + 1): \(lines[index])")
      return
    }
    #expect(line == index + 1)
  }

  /// A recording's driver line: name and version, and the policy that answers as it did.
  @Test(arguments: [
    ("c", "4.14", "c-4.14"), ("c", "4.14.336", "c-4.14"), ("c", "5.10", "c-5.10.209"),
    ("c", "5.10.100", "c-5.10"), ("c", "6.1", "c-6.1"), ("c", "6.1.0", "c-5.15"),
    ("c", "6.8", "c"), ("c", "6.12", "c"), ("c", "7.0", "c"),
    ("c", "5.10.149-android12-9", "c-5.15"), ("c", "4.14.336-perf+", "c-5.10"),
    ("c", "4.14.336-perf++lru=up", "c-5.10+lru=up"),
    ("c", "6.12+spam=log+owner=early", "c+spam=log+owner=early"),
    ("rust", "6.18", "rust"), ("rust", "6.18.0", "rust-6.18.0"), ("rust", "6.18.18", "rust-6.18.0"),
    ("rust", "6.18.19", "rust"), ("rust", "6.19.8", "rust-6.18.0"), ("rust", "6.19.9", "rust"),
    ("rust", "7.0", "rust"), ("rust", "6.12.23-android16-5", "rust"), ("compact", "1", "compact"),
    ("c-6.1", "1", "c-6.1"),
  ])
  func driverLines(name: String, version: String, policy: String) throws {
    #expect(try RecordedDriver(name: name, version: version).policy().name == policy)
  }

  @Test(arguments: [
    ("c", "4.12", "before 4.13"), ("c", "six", "'six' is no kernel release"),
    ("c", "6.12+spam=never", "rule spam cannot be 'never'"),
    ("c", "6.12+colour=red", "there is no rule 'colour'"), ("rust", "6.17", "no Rust driver"),
    ("rust", "5.10.1", "no Rust driver"), ("vms", "1", "known are c and rust"),
  ])
  func driversNotModelled(name: String, version: String, words: String) {
    let error = #expect(throws: RecordingFault.self) {
      try RecordedDriver(name: name, version: version).policy()
    }
    #expect(error?.text.contains(words) == true, "\(error?.text ?? "")")
  }

  /// What `record` writes is read as the policy that it recorded.
  @Test func ownDriverLines() throws {
    for var policy in PlacementPolicy.allCases {
      #expect(try RecordedDriver(policy: policy).policy() == policy)
      policy.rules.emptyOneway = .leaks
      #expect(try RecordedDriver(policy: policy).policy() == policy)
    }
    let kernel = try KernelRelease("5.10.149-android12-9")
    var policy = try kernel.policy().policy
    policy.rules.lru = .up
    let driver = RecordedDriver(policy: policy, kernel: kernel)
    #expect(driver.version == "5.10.149-android12-9+lru=up")
    #expect(try driver.policy() == policy)
  }

  @Test func text() {
    let verification = Verification(
      path: "a", operations: 1200, checkpoints: 3,
      verdict: .differs(line: 7, operation: "alloc 4", expected: "8", got: "16 spam"))
    #expect(
      VerifyText.text(verification) == """
        a: 1,200 operations, 3 checkpoints: differs
          a:7: alloc 4: expected 8
          a:7: alloc 4: got      16 spam

        """)
  }

  @Test func allFilesAreReported() {
    var text = ""
    let status = runVerify(VerifyOptions(paths: ["/nowhere/a", "/nowhere/b"])) { text += $0 }
    #expect(status == .unanswered)
    #expect(text.contains("/nowhere/a: cannot open") && text.contains("/nowhere/b: cannot open"))
    #expect(runVerify(VerifyOptions(paths: [])) { _ in } == .unanswered)
  }

  @Test(arguments: [0, 65_537])
  func recordingNeedsSenders(count: Int) {
    #expect(throws: RecordError.self) {
      try runRecord(RecordOptions(senders: count)) { _ in }
    }
  }
  @Test func stopping() throws {
    var text = ""
    try runRecord(RecordOptions(workload: .small, operations: 6000)) { text += $0 }
    var verifier = Verifier(RecordingReader(name: "r", bytes: Array(text.utf8)))
    var told: [VerifyProgress] = []
    let result = verifier.run(progress: { told.append($0) }, shouldStop: { true })
    #expect(result.verdict == .interrupted)
    #expect(result.operations > 0 && result.operations < 6000)
    #expect(!result.agrees)
    #expect(told.map(\.lines) == [4096])
    #expect(told[0].bytes > 0)
    #expect(VerifyText.text(result).hasSuffix("interrupted, agrees so far\n"))
  }
}

extension String {
  fileprivate func replacingCharacters(_ range: Range<String.Index>, _ other: String) -> String {
    var copy = self
    copy.replaceSubrange(range, with: other)
    return copy
  }
}

/// The recordings of the real drivers, where they are at hand.
@Suite(.enabled(if: !SharedFiles.recordings.isEmpty, SharedFiles.absent))
struct SharedRecordingTests {
  @Test(arguments: SharedFiles.recordings)
  func engineAgrees(path: String) {
    let verification = bindersim.verify(path: path)
    #expect(verification.verdict == .agrees)
    #expect(verification.operations > 500)
  }
}
