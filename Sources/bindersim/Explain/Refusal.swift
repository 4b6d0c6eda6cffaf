internal import BinderBuffer

/// A message that was refused, as far as the files tell. Sizes in bytes; what is unknown is nil.
struct Refusal: Codable, Equatable, Sendable {
  enum Cause: String, Codable, Sendable {
    /// The free bytes of the region are fewer than the message takes.
    case full
    /// They are enough, but no free range is.
    case fragmented
    /// Oneway messages may take half of the region, and that half is used up.
    case onewayExhausted
    /// The message takes more than the whole region has.
    case neverFits
    /// A oneway message takes more than the half that it may.
    case neverFitsOneway
    /// No space, but the files do not tell of which kind.
    case noSpace
    /// No space, or the receiver is gone.
    case noSpaceOrGone
    case noFrame
    /// The receiver has no region, or does not live any more.
    case gone
    /// The driver refused it, and the files do not tell why.
    case unknown
  }

  enum Kind: String, Codable, Sendable { case call, reply, oneway }
  enum Driver: String, Codable, Sendable { case c, rust }

  var cause = Cause.unknown
  /// Of the capture.
  var line: Int?
  var driver: Driver?
  /// As the file has it.
  var time: String?
  var seconds: Double?
  var receiver: Int32?
  var context: String?
  var sender: Int32?
  var senderThread: Int32?
  var kind: Kind?
  var transaction: UInt64?
  /// What it would have taken of the region.
  var requested: Int?
  var dataSize: Int?
  var offsetsSize: Int?
  /// In user space, before it was sent.
  var parcelSize: Int?
  var regionLength: Int?
  /// No file tells the region's length: it is the usual one.
  var isRegionAssumed = false
  var allocated: Int?
  var buffers: Int?
  var largestBuffer: Int?
  var free: Int?
  var freeRanges: Int?
  var largestFree: Int?
  var freeOneway: Int?
  /// Bytes of oneway space that the kernel's driver wants beside the message's own; nil where
  /// nothing tells the kernel.
  var onewayHeader: Int?
  /// A negative error number, where a file has it.
  var error: Int?
  /// Who held the region's bytes then, most first.
  var holders: [ReplayHolder] = []
  /// How many buffers of that region had been freed before, where a capture tells.
  var freedBefore: Int?
  /// What the buffers that the region held then have in common, where a capture tells.
  var neverFreedBytes: Int?
  /// `dmesg.txt:1`, `capture.ftrace:56`.
  var sources: [String] = []
  /// What could be otherwise.
  var doubts: [String] = []
}

extension Refusal {
  /// What Android's libraries map for an app: 1 MiB less two pages.
  static let usualRegion = 1_040_384
  /// No driver uses more of a region.
  static let longestRegion = 4 << 20

  init(_ stamp: LogStamp, source: String) {
    time = stamp.time
    seconds = stamp.seconds
    sources = [source]
  }

  mutating func take(_ usage: RegionFigures) {
    allocated = usage.allocated
    buffers = usage.buffers
    largestBuffer = usage.largestBuffer
    free = usage.free
    freeRanges = usage.freeRanges
    largestFree = usage.largestFree
    let (sum, overflow) = usage.allocated.addingReportingOverflow(usage.free)
    if !overflow, sum > 0 { regionLength = sum }
  }

  mutating func take(_ failed: FailedTransaction) {
    sender = failed.sender
    senderThread = failed.thread
    kind = failed.kind ?? kind
    receiver = receiver ?? failed.receiver
    transaction = failed.id ?? transaction
    error = failed.error ?? error
    dataSize = failed.dataSize ?? dataSize
    offsetsSize = failed.offsetsSize ?? offsetsSize
  }

  /// Where a capture does not tell what was live.
  mutating func forgetRegion() {
    (allocated, buffers, largestBuffer, free, freeRanges, largestFree) = (
      nil, nil, nil, nil, nil, nil
    )
    (freeOneway, freedBefore, neverFreedBytes) = (nil, nil, nil)
    holders = []
  }

  /// What a transaction of these sizes takes at least: extra buffers are in no log.
  var leastSize: Int? {
    guard let dataSize else { return nil }
    return max(8, Self.rounded(dataSize) + Self.rounded(offsetsSize ?? 0))
  }

  static func rounded(_ size: Int) -> Int { (size + 7) & ~7 }

  /// What it takes of the region, or at least takes.
  var wanted: Int? { requested ?? leastSize }

  var isOneway: Bool { kind == .oneway }

  /// Finds the cause from the figures, where no line has told it already.
  ///
  /// - Parameters:
  ///   - fallback: a region's length where the files tell none.
  ///   - rules: those of the kernel, where one is known.
  mutating func judge(region fallback: Int, _ rules: DriverRules?) {
    if regionLength == nil, cause != .gone, cause != .noFrame {
      regionLength = fallback
      isRegionAssumed = true
    }
    if isOneway { onewayHeader = rules?.onewayHeader.required }
    guard let wanted, let region = regionLength else { return }
    let (wantedOneway, overflow) = wanted.addingReportingOverflow(onewayHeader ?? 0)
    let neverFitsOneway = overflow || wantedOneway > region / 2
    switch cause {
    case .gone, .noFrame, .neverFits, .neverFitsOneway: return
    case .onewayExhausted:
      if neverFitsOneway { cause = .neverFitsOneway }
      return
    default: break
    }
    guard cause != .unknown || error == nil || error == -28 else { return }
    if wanted > region {
      cause = .neverFits
    } else if isOneway, neverFitsOneway {
      cause = .neverFitsOneway
    } else if let freeOneway, isOneway, wantedOneway > freeOneway {
      cause = .onewayExhausted
    } else if let free, wanted > free {
      cause = .full
    } else if let largestFree, wanted > largestFree {
      cause = .fragmented
    }
  }
}
