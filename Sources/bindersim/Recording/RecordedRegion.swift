internal import BinderBuffer
internal import PageAlloc

/// The engine under a recording: one receiving process, its senders, and the buffers by ID.
///
/// Every operation takes the engine's whole way: real bytes are sent into real pages, received and
/// compared, and freed as a receiver frees.
final class RecordedRegion {
  static let mostSenders = 1 << 16

  private let context = Context()
  private let receiver: BinderProcess
  private let senders: [BinderProcess]
  private let keepsHighWatermark: Bool
  private let pattern = ObjectPattern()
  private var live: [UInt64: LiveBuffer] = [:]
  /// Nodes that no live buffer was sent to: a oneway buffer must not wait for another.
  private var idleNodes: [Node] = []

  /// - Throws: what the engine says about such a region.
  init(
    policy: PlacementPolicy, length: Int, senders count: Int, keepsHighWatermark: Bool
  ) throws(BinderError) {
    self.keepsHighWatermark = keepsHighWatermark
    receiver = try context.makeProcess(pid: 1, regionLength: length, policy: policy)
    var senders: [BinderProcess] = []
    for index in 0..<count {
      let sender = try context.makeProcess(
        pid: Int32(index) + 2, regionLength: Page.size, policy: policy)
      // One buffer that stays keeps the page that replies land in off the LRU: pages given back
      // are then the receiver's alone.
      try receiver.send(Transaction(), to: sender.makeNode())
      _ = try sender.receive()?.keep()
      senders.append(sender)
    }
    self.senders = senders
  }

  func isLive(_ id: UInt64) -> Bool { live[id] != nil }

  /// One transaction; oneway, or answered at once. Its buffer is kept under `alloc.id`.
  ///
  /// - Throws: when the engine does not deliver what was sent.
  func allocate(_ alloc: RecordedAlloc) throws(RegionFault) -> RecordedResult {
    let sender = senders[alloc.sender]
    let node = idleNodes.popLast() ?? receiver.makeNode()
    let transaction = pattern.transaction(
      isOneway: alloc.isOneway, dataSize: alloc.dataSize, offsetsSize: alloc.offsetsSize,
      extraSize: alloc.extraSize)
    var sent: SentTransaction
    do throws(BinderError) {
      sent = try sender.transmit(transaction, to: node)
    } catch {
      idleNodes.append(node)
      return .failed(error.errno.name)
    }
    let offset: Int?
    do throws(BinderError) {
      offset = try take(sent.receipt, sent.call.take(), alloc)
    } catch {
      throw RegionFault("\(error)")
    }
    guard let offset else { throw RegionFault("what was delivered is not what was sent") }
    live[alloc.id] = LiveBuffer(offset: offset, node: node)
    return .placed(offset: sent.receipt.offset, isSpam: sent.receipt.isSpam)
  }

  /// Receives what was just sent, answers it if it is a call, and keeps its buffer; nil when it is
  /// not the same.
  private func take(
    _ receipt: Receipt, _ call: consuming Call?, _ alloc: RecordedAlloc
  ) throws(BinderError) -> Int? {
    guard let delivery = try receiver.receive(), delivery.offset == receipt.offset,
      delivery.withData({ unsafe $0.count == alloc.dataSize && pattern.isPrefix($0.bytes) })
    else { return nil }
    let offset = delivery.keep()
    if let call = call.take() {
      try receiver.reply(Transaction(), toBufferAt: offset)
      guard case .replied(let reply) = try call.takeReply() else { return nil }
      reply.free()
    }
    return offset
  }

  /// Frees the buffer of `id`; false when it has none.
  func free(_ id: UInt64) throws(RegionFault) -> Bool {
    guard let buffer = live.removeValue(forKey: id) else { return false }
    do throws(BinderError) {
      try receiver.free(at: buffer.offset)
    } catch {
      throw RegionFault("\(error)")
    }
    idleNodes.append(buffer.node)
    return true
  }

  var stat: RecordedStat {
    let statistics = receiver.statistics
    return RecordedStat(
      freeOnewaySpace: statistics.freeOnewaySpace, buffers: statistics.bufferCount,
      pagesInUse: statistics.pagesInUse, pagesAvailable: statistics.pagesAvailable,
      pagesFree: statistics.pagesFree,
      pageHighWatermark: keepsHighWatermark ? statistics.pageHighWatermark : nil)
  }

  func reclaim(_ pages: Int?) { context.reclaim(pages ?? .max) }

  var pages: [Range<Int>] { receiver.inspect().framedPages }

  private struct LiveBuffer {
    var offset: Int
    var node: Node
  }
}

/// The engine did something that no driver's answer describes.
struct RegionFault: Error, Equatable {
  var text: String
  init(_ text: String) { self.text = text }
}
