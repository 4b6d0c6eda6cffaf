public import PageAlloc

/// Why an operation of a context or process failed; the state is what it was before it.
///
/// `errno` is what the driver would answer.
public enum BinderError: Error, Equatable, Sendable {
  /// What no state of the processes could accept.
  case invalidArgument(InvalidArgument)
  /// The region has no free range that is long enough.
  case noSpace(pid: Int32, requested: Int, free: Int, largestFree: Int)
  /// The oneway share of the region is used up.
  case noOnewaySpace(pid: Int32, requested: Int, free: Int)
  /// A frame, a mapping or a descriptor could not be had for the process's region.
  case noMemory(pid: Int32, PageAllocError)
  /// Bytes of the sender could not be read.
  case badSource(PageAllocError)
  /// The process has exited or never had a region.
  case dead(pid: Int32, Death)
  /// The receiver freed the buffer of a call without answering it, or could not be answered.
  case failedReply(pid: Int32)
  /// The process has a region, or its pid is taken.
  case busy(pid: Int32, Occupied)

  /// The argument that cannot be accepted.
  public enum InvalidArgument: Equatable, Sendable {
    /// Sizes of parts that are negative, or whose sum is no `Int`.
    case sizes(data: Int, offsets: Int, extra: Int, securityContext: Int)
    /// Bytes of an offsets array that are no multiple of 8.
    case offsetsSize(Int)
    /// Bytes of room for extra buffers that are no multiple of 8.
    case extraSize(Int)
    /// The object at place `index` of the offsets array is not an object inside the data.
    case object(index: Int, offset: UInt64, dataSize: Int)
    /// The `ptr` object at place `index` does not fit the room for extra buffers.
    case extraBuffer(index: Int, length: UInt64, remaining: Int)
    /// A length in bytes that is no positive multiple of the page size.
    case regionLength(Int)
    /// A number that is not positive.
    case pid(Int32)
    /// No buffer that the receiver may free or answer by its offset begins there.
    case noSuchBuffer(pid: Int32, offset: Int, NotFreeable)
    /// Nobody awaits a reply to the transaction, or it has one.
    case notACall(debugID: UInt32)
    /// The target lives in another context.
    case otherContext(pid: Int32)
    /// A reply carries no security context.
    case securityContextInReply
    /// The region was mapped for its own process only.
    case notExportable(pid: Int32)
    /// The `ptr` object at place `index` names memory of this process, which the sender has not
    /// allowed (`Transaction.readsOwnMemory`).
    case pointerIntoOwnMemory(index: Int)
  }

  /// Why a buffer cannot be freed or answered by its offset.
  public enum NotFreeable: Equatable, Sendable {
    /// No buffer begins there.
    case notABuffer
    /// Its sender still fills it.
    case beingFilled
    /// It waits to be received.
    case notDelivered
    /// A `Delivery` owns it.
    case ownedByDelivery
  }

  /// Who is dead.
  public enum Death: Equatable, Sendable {
    /// Whom something was sent to, or who was asked to receive.
    case receiverExited
    /// Who sends.
    case senderExited
    /// The receiver lives and has no region.
    case noRegion
  }

  /// What there is already.
  public enum Occupied: Equatable, Sendable {
    /// A process has one region.
    case region
    /// A pid names one living process.
    case pid
  }

  /// The errno that the driver answers with.
  public var errno: Errno {
    switch self {
    case .invalidArgument: .invalidArgument
    case .noSpace, .noOnewaySpace: .noSpace
    case .noMemory(_, let cause), .badSource(let cause): cause.errno
    case .dead: .noSuchProcess
    case .failedReply: .brokenPipe
    case .busy: .resourceBusy
    }
  }

  /// The error without its details.
  public var kind: FailureKind {
    switch self {
    case .invalidArgument: .invalidArgument
    case .noSpace: .noSpace
    case .noOnewaySpace: .noOnewaySpace
    case .noMemory: .noMemory
    case .badSource: .badSource
    case .dead: .dead
    case .failedReply: .failedReply
    case .busy: .busy
    }
  }
}

/// Failures by kind, for counting.
public enum FailureKind: Int, CaseIterable, Sendable, CustomStringConvertible {
  /// The cases of ``BinderError``, without what they carry.
  case noSpace, noOnewaySpace, noMemory, badSource, invalidArgument, dead, failedReply, busy

  public var description: String {
    switch self {
    case .noSpace: "no space"
    case .noOnewaySpace: "no oneway space"
    case .noMemory: "no memory"
    case .badSource: "bad address"
    case .invalidArgument: "invalid argument"
    case .dead: "dead"
    case .failedReply: "failed reply"
    case .busy: "busy"
    }
  }
}

extension BinderError: CustomStringConvertible {
  public var description: String { "\(errno.name): \(message)" }

  private var message: String {
    switch self {
    case .invalidArgument(let what): what.message
    case .noSpace(let pid, let requested, let free, let largest):
      """
      process \(pid): no range of \(requested) bytes in its region: \(free) bytes are free, the \
      largest free range has \(largest); free buffers or map a longer region
      """
    case .noOnewaySpace(let pid, let requested, let free):
      """
      process \(pid): no \(requested) bytes of oneway space: \(free) of half the region are left; \
      the receiver must free oneway buffers
      """
    case .noMemory(let pid, let cause):
      "process \(pid): no memory for its region: \(cause.details)"
    case .badSource(let cause): "the sender's bytes cannot be read: \(cause.details)"
    case .dead(let pid, .receiverExited): "process \(pid) has exited"
    case .dead(let pid, .senderExited): "the sender, process \(pid), has exited"
    case .dead(let pid, .noRegion):
      "process \(pid) has no region to receive into; call mapRegion first"
    case .failedReply(let pid): "process \(pid) freed the call's buffer without a reply"
    case .busy(let pid, .region): "process \(pid) has a region already; a process has one"
    case .busy(let pid, .pid): "a process with pid \(pid) lives in this context"
    }
  }
}

extension BinderError.InvalidArgument {
  fileprivate var message: String {
    switch self {
    case .sizes(let data, let offsets, let extra, let securityContext):
      """
      sizes are negative or overflow: data \(data), offsets \(offsets), extra \(extra), security \
      context \(securityContext)
      """
    case .offsetsSize(let size): "the offsets array has \(size) bytes, not a multiple of 8"
    case .extraSize(let size): "the extra buffers have \(size) bytes, not a multiple of 8"
    case .object(let index, let offset, let dataSize):
      """
      offsets[\(index)] = \(offset) is not a known object inside the \(dataSize) data bytes, \
      4-aligned and behind the object before it
      """
    case .extraBuffer(let index, let length, let remaining):
      "the ptr object offsets[\(index)] names \(length) bytes; \(remaining) extra bytes are left"
    case .regionLength(let length):
      "a region of \(length) bytes: must be a positive multiple of \(Page.size)"
    case .pid(let pid): "pid \(pid): must be positive"
    case .noSuchBuffer(let pid, let offset, let why):
      "process \(pid): cannot free offset \(offset): \(why.message)"
    case .notACall(let debugID): "transaction \(debugID) awaits no reply"
    case .otherContext(let pid): "process \(pid) lives in another context"
    case .securityContextInReply: "a reply carries no security context"
    case .notExportable(let pid):
      "process \(pid)'s region is inProcess: map it exportable to have a descriptor"
    case .pointerIntoOwnMemory(let index):
      """
      the ptr object offsets[\(index)] names an address of this process; only a sender that sets \
      readsOwnMemory may read there
      """
    }
  }
}

extension BinderError.NotFreeable {
  fileprivate var message: String {
    switch self {
    case .notABuffer: "no buffer begins there"
    case .beingFilled: "its buffer is still being filled"
    case .notDelivered: "its buffer has not been delivered yet"
    case .ownedByDelivery: "its buffer belongs to a delivery; keep it first"
    }
  }
}
