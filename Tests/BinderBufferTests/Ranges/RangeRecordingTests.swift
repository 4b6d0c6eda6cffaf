import BinderBuffer
import Glibc
import Testing

/// The allocator says what the real drivers said, operation by operation.
struct RangeRecordingTests {
  static let fixtures =
    (#filePath.split(separator: "/").dropLast(2)).reduce("") { $0 + "/" + $1 }
    + "/Fixtures"
  static let package =
    (#filePath.split(separator: "/").dropLast(4)).reduce("") { $0 + "/" + $1 }

  static func environment(_ name: String) -> String? {
    unsafe getenv(name).map { unsafe String(cString: $0) }
  }

  static func traces(in directory: String) -> [String] {
    guard let handle = unsafe opendir(directory) else { return [] }
    defer { unsafe closedir(handle) }
    var paths: [String] = []
    while let entry = unsafe readdir(handle) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
        unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if name.hasSuffix(".trace") { paths.append(directory + "/" + name) }
    }
    return paths.sorted()
  }

  static let shared = environment("BINDERBUFFER_SHARED") ?? package + "/../shared"
  static let sharedTraces = traces(in: shared + "/oracle")

  @Test(arguments: traces(in: fixtures))
  func fixture(path: String) throws { try replay(path) }

  @Test(
    .enabled(if: !sharedTraces.isEmpty, "no recordings in \(shared)/oracle"),
    arguments: sharedTraces)
  func recording(path: String) throws { try replay(path) }

  private func replay(_ path: String) throws {
    let recording = try RangeRecording(path: path)
    let policy = try #require(recording.policy)
    var ranges = try RangeAllocator<Int>(length: recording.length, policy: policy)
    var live: [Int: Int] = [:]
    for (index, (line, step)) in recording.steps.enumerated() {
      switch step {
      case .alloc(let id, let sender, let size, let isOneway, let expected):
        let answer: RecordedAnswer
        switch expected {
        case .invalid where policy.search == .rust: answer = .invalid
        case .invalid:
          // The C driver has taken the range by the time it finds the mistake.
          let taken = try ranges.reserve(size, oneway: isOneway, sender: sender)
          _ = try ranges.abort(taken.offset)
          answer = .invalid
        default:
          answer = try Self.take(&ranges, size, isOneway, sender, id)
          if case .placed(let offset, _) = answer { live[id] = offset }
        }
        try #require(answer == expected, "line \(line) of \(path)")
      case .free(let id):
        let removed = live.removeValue(forKey: id)
        let offset = try #require(removed, "line \(line)")
        #expect(try ranges.free(offset).metadata == id)
      case .freeNothing(let id):
        try #require(live[id] == nil, "line \(line)")
      case .stat(let freeOneway, let buffers):
        try #require(ranges.freeOnewaySpace == freeOneway, "line \(line) of \(path)")
        try #require(ranges.bufferCount == buffers, "line \(line) of \(path)")
      }
      if index % 499 == 0 { try ranges.checkInvariants() }
    }
    try ranges.checkInvariants()
  }

  private static func take(
    _ ranges: inout RangeAllocator<Int>, _ size: Int, _ isOneway: Bool, _ sender: Int32, _ id: Int
  ) throws(RangeError) -> RecordedAnswer {
    do {
      let taken = try ranges.reserve(size, oneway: isOneway, sender: sender)
      try ranges.commit(taken.offset, id)
      return .placed(offset: taken.offset, isSpam: taken.isSpam)
    } catch {
      switch error {
      case .noSpace, .noOnewaySpace: return .noSpace
      default: throw error
      }
    }
  }
}
