/// One process in one context, as a driver's debug files show it at one moment. Sizes in bytes.
struct DumpProcess: Codable, Equatable, Sendable {
  /// Nil where the part of the file that names it is missing.
  var pid: Int32?
  var context: String?
  var driver: Refusal.Driver?
  /// `state.txt:2`
  var source: String
  /// The process's buffers were listed, even if there are none.
  var listsBuffers = false
  var buffers: [DumpBuffer] = []
  var transactions: [DumpTransaction] = []
  var threads: Int?
  var readyThreads: Int?
  var requestedThreads: Int?
  var mostThreads: Int?
  var freeOnewaySpace: Int?
  var bufferCount: Int?
  var pagesInUse: Int?
  var pagesAvailable: Int?
  var pagesFree: Int?
  var pageHighWatermark: Int?
  var pendingTransactions: Int?

  /// All pages of the region, where the file counts them.
  var regionLength: Int? {
    guard let pagesInUse, let pagesAvailable, let pagesFree else { return nil }
    let pages = pagesInUse + pagesAvailable + pagesFree
    return pages > 0 && pages <= 1 << 20 ? pages * 4096 : nil
  }
}

struct DumpBuffer: Codable, Equatable, Sendable {
  /// The driver's debug id; the Rust driver prints none.
  var id: UInt64?
  /// In the region; nil where the kernel printed a pointer instead.
  var offset: Int?
  /// What it takes of the region.
  var size: Int
  var dataSize: Int?
  var offsetsSize: Int?
  var extraSize: Int?
  var sender: Int32?
  var isOneway: Bool?
  var state: State

  enum State: String, Codable, Sendable {
    /// Not yet received, or a call that has not been answered.
    case active
    /// Handed to the receiver, which has not freed it.
    case delivered
    /// Still being filled.
    case reserved
    /// Committed; the Rust driver does not tell whether it was received.
    case allocated
  }
}

/// A transaction that somebody waits for.
struct DumpTransaction: Codable, Equatable, Sendable {
  enum Place: String, Codable, Sendable {
    /// A thread of this process handles it.
    case incoming
    /// A thread of this process waits for its answer.
    case outgoing
    /// Waits for a thread of this process.
    case pending
    /// Waits behind the oneway message before it to the same node.
    case pendingAsync
  }

  var place: Place
  var id: UInt64
  var sender: Int32?
  var senderThread: Int32?
  var receiver: Int32?
  /// 0 while no thread has it.
  var receiverThread: Int32?
  /// The thread of this process under which it is listed.
  var thread: Int32?
  var code: UInt64?
  var flags: UInt64?
  var milliseconds: Int?
  var node: Int64?
  var dataSize: Int?
  var offsetsSize: Int?
  var offset: Int?

  var isOneway: Bool { place == .pendingAsync || (flags.map { $0 & 1 == 1 } ?? false) }
}
