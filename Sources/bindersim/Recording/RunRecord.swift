internal import BinderBuffer

struct RecordOptions: Sendable {
  var policy = PlacementPolicy.rust
  /// The kernel that the policy is of, when it was chosen by one.
  var kernel: KernelRelease?
  /// Bytes.
  var regionLength = 1_040_384
  var senders = 2
  var workload = RecordingWorkload.mixed
  /// Transactions, frees and reclaims.
  var operations = 10_000
  var seed: UInt64 = 1
}

/// The engine could not record: a region that cannot be, or an answer that makes no sense.
struct RecordError: Error, CustomStringConvertible {
  var description: String
}

/// Does a generated workload to the engine and writes what it answered, in the recording format,
/// some kilobytes at a time.
///
/// The same options give the same text, on every machine.
func runRecord(
  _ options: RecordOptions, progress: (_ operations: Int) -> Void = { _ in },
  write: (String) throws -> Void
) throws {
  guard options.senders > 0, options.senders <= RecordedRegion.mostSenders else {
    throw RecordError(
      description: "\(options.senders) senders: must be 1 to \(RecordedRegion.mostSenders)")
  }
  let driver = RecordedDriver(policy: options.policy, kernel: options.kernel)
  let region: RecordedRegion
  do throws(BinderError) {
    region = try RecordedRegion(
      policy: options.policy, length: options.regionLength, senders: options.senders,
      keepsHighWatermark: driver.keepsHighWatermark)
  } catch {
    throw RecordError(description: "cannot make the region: \(error)")
  }
  var generator = RecordingGenerator(
    workload: options.workload, regionLength: options.regionLength, senders: options.senders,
    seed: options.seed)
  let name = "\(options.policy.name)-\(options.workload.rawValue)"
  var text = Array("# \(name) seed=\(options.seed)\n".utf8)
  RecordingLine.driver(driver).append(to: &text)
  RecordingLine.region(options.regionLength).append(to: &text)
  RecordingLine.senders(options.senders).append(to: &text)
  for index in 0..<options.operations {
    do throws(RegionFault) {
      try record(generator.next(), in: region, &generator, to: &text)
    } catch {
      throw RecordError(description: "operation \(index + 1): \(error.text)")
    }
    if index % 25 == 24 { RecordingLine.stat(region.stat).append(to: &text) }
    if text.count >= 64 << 10 {
      try write(String(decoding: text, as: UTF8.self))
      text.removeAll(keepingCapacity: true)
      progress(index + 1)
    }
  }
  RecordingLine.stat(region.stat).append(to: &text)
  RecordingLine.pages(region.pages).append(to: &text)
  try write(String(decoding: text, as: UTF8.self))
}

private func record(
  _ operation: RecordingGenerator.Operation, in region: RecordedRegion,
  _ generator: inout RecordingGenerator, to text: inout [UInt8]
) throws(RegionFault) {
  switch operation {
  case .alloc(var alloc):
    alloc.result = try region.allocate(alloc)
    generator.note(alloc)
    RecordingLine.alloc(alloc).append(to: &text)
  case .free(let id):
    RecordingLine.free(id: id, wasLive: try region.free(id)).append(to: &text)
  case .reclaim(let pages):
    RecordingLine.pages(region.pages).append(to: &text)
    region.reclaim(pages)
    RecordingLine.reclaim(pages).append(to: &text)
    RecordingLine.pages(region.pages).append(to: &text)
  }
}
