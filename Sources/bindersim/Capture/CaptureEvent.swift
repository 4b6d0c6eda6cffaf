/// One usable line of a capture: who, when, what.
struct CaptureRecord: Equatable, Sendable {
  /// Line number in the file, counted from 1.
  var line: Int
  /// The thread that the line is about.
  var thread: Int32
  var process: ProcessColumn
  /// Since an origin of the recording device's choice. May go backwards from line to line.
  var nanoseconds: UInt64
  /// Empty where the event does not need it.
  var task: TaskName
  var event: CaptureEvent
}

/// The thread group column, which older recordings lack and which is not always known.
enum ProcessColumn: Hashable, Sendable {
  case absent
  /// Printed as `(-----)`.
  case unknown
  case known(Int32)
}

/// What a line says happened. Binder tracepoints keep their fields; others only their existence.
enum CaptureEvent: Equatable, Sendable {
  case transaction(TransactionEvent)
  case allocBuf(BufferEvent)
  case received(transaction: UInt32)
  case bufferRelease(BufferEvent)
  case failedBufferRelease(BufferEvent)
  /// A pending oneway was superseded by a younger one, and its buffer freed.
  case updateBufferRelease(BufferEvent)
  /// The Rust driver tells the thread that takes a transaction.
  case threadSelected(transaction: UInt32, thread: Int32)
  case updatePageRange(process: Int32, allocate: Bool, offset: Int, size: Int)
  case page(PageStep, process: Int32, index: Int)
  case setPriority(process: Int32, thread: Int32)
  /// An object or file in the buffer was translated.
  case translated(transaction: UInt32)
  /// A command that the thread wrote (`BC_…`).
  case command(UInt32)
  /// A message that the driver returns to the thread (`BR_…`).
  case returned(UInt32)
  case driver(DriverStep)
  /// A line of the kernel's log; the capture's facts keep its text if it is about Binder.
  case console
  /// A Binder tracepoint that says nothing about buffers.
  case otherBinder
  /// Not a Binder tracepoint.
  case other
}

struct TransactionEvent: Equatable, Sendable {
  /// The driver's debug id; 32 bits that may wrap.
  var id: UInt32
  var node: Int32
  var process: Int32
  /// Zero when any thread of the process may take it.
  var thread: Int32
  var isReply: Bool
  var flags: UInt32
  var code: UInt32
  /// The process that sends, where the event itself tells; else zero.
  var sender: Int32 = 0
  /// False where the event does not tell the thread: `thread` is then zero, and may be told later.
  var hasThread = true

  var isOneway: Bool { !isReply && flags & 1 != 0 }
}

struct BufferEvent: Equatable, Sendable {
  var transaction: UInt32
  /// Bytes.
  var dataSize: Int
  var offsetsSize: Int
  /// Zero where it is not told.
  var extraSize: Int
  /// False where an old kernel or a converter left out the extra size.
  var hasExtraSize = true
  /// False where only the transaction is told, as the Rust driver does when it frees.
  var hasSizes = true

  /// Offsets of a 32-bit client are 4 bytes each.
  var is32Bit: Bool { offsetsSize % 8 == 4 }
}

extension CaptureEvent {
  /// BR_FAILED_REPLY, whatever else its number holds.
  var isFailedReply: Bool { isReturned(0x11) }
  /// BR_DEAD_REPLY.
  var isDeadReply: Bool { isReturned(0x05) }

  /// The driver's returns are numbered in an ioctl number's lowest byte; its type is `r`.
  private func isReturned(_ number: UInt32) -> Bool {
    if case .returned(let command) = self { command & 0xFFFF == 0x7200 | number } else { false }
  }

  /// BC_TRANSACTION_SG and BC_REPLY_SG, which the library of hwbinder uses and that of binder does
  /// not; nil for what is no transaction's command.
  var isScatterGather: Bool? {
    guard case .command(let command) = self else { return nil }
    switch command & 0xFFFF {
    case 0x6300, 0x6301: return false
    case 0x6311, 0x6312: return true
    default: return nil
    }
  }
}

enum PageStep: Equatable, Sendable {
  case allocLRUStart, allocLRUEnd, freeLRUStart, freeLRUEnd
  case allocPageStart, allocPageEnd
  case unmapUserStart, unmapUserEnd, unmapKernelStart, unmapKernelEnd
}

enum DriverStep: Equatable, Sendable {
  case ioctl, ioctlDone, readDone, writeDone, waitForWork
}

extension CaptureEvent {
  /// The driver finishing a read that delivered something: the thread itself does nothing yet.
  var isTailOfRead: Bool {
    switch self {
    case .returned, .driver(.readDone), .driver(.ioctlDone): true
    default: false
    }
  }
}

extension CaptureEvent {
  /// Whether the task's name is wanted: it is not for the many lines that only tell a time.
  var tellsName: Bool {
    switch self {
    case .transaction, .received: true
    default: false
    }
  }
}

/// A thread's name as the kernel keeps it: at most 15 bytes, here without an allocation.
struct TaskName: Hashable, Sendable, CustomStringConvertible {
  private var low: UInt64 = 0
  private var high: UInt64 = 0

  init() {}

  /// As much of it as a name may have.
  init(_ bytes: [UInt8]) { self.init(bytes.span, 0..<bytes.count) }

  init(_ line: Span<UInt8>, _ range: Range<Int>) {
    let count = min(range.count, 15)
    if range.lowerBound + 16 <= line.count {
      // SAFETY: checked loads; any bits are an integer.
      let (first, second) = unsafe (
        line.bytes.unsafeLoadUnaligned(fromByteOffset: range.lowerBound, as: UInt64.self),
        line.bytes.unsafeLoadUnaligned(fromByteOffset: range.lowerBound + 8, as: UInt64.self)
      )
      low = UInt64(littleEndian: first) & Self.mask(bytes: min(count, 8))
      high = UInt64(littleEndian: second) & Self.mask(bytes: max(count - 8, 0))
      return
    }
    for (place, index) in range.prefix(count).enumerated() {
      let byte = UInt64(line[index])
      if place < 8 { low |= byte << (8 * place) } else { high |= byte << (8 * (place - 8)) }
    }
  }

  /// The lowest bytes, zero to eight.
  private static func mask(bytes count: Int) -> UInt64 {
    count == 8 ? .max : (1 << UInt64(8 * count)) - 1
  }

  /// Empty, or the kernel's `<...>` for a name that it had forgotten.
  var isUnknown: Bool { low == 0 || low == 0x3E_2E2E_2E3C }

  var description: String {
    var bytes: [UInt8] = []
    for shift in stride(from: UInt64(0), to: 128, by: 8) {
      let byte = UInt8(truncatingIfNeeded: shift < 64 ? low >> shift : high >> (shift - 64))
      guard byte != 0 else { break }
      bytes.append(byte < 0x20 || byte == 0x7F ? 0x3F : byte)
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
