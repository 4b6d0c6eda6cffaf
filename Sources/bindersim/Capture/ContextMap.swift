/// One of Android's Binder devices. A process has a region for each that it opened.
enum BinderContext: UInt8, Sendable, CaseIterable {
  case binder, hwbinder, vndbinder

  var name: String {
    switch self {
    case .binder: "binder"
    case .hwbinder: "hwbinder"
    case .vndbinder: "vndbinder"
    }
  }

  /// What a thread's name tells: pool threads are named after their device, and the three service
  /// managers serve one each. Nil for names that tell nothing.
  init?(thread name: TaskName) {
    guard !name.isUnknown else { return nil }
    let name = name.description.lowercased()
    if name.contains("hwbinder") || name.hasPrefix("hwservicemanag") {
      self = .hwbinder
    } else if name.contains("vndbinder") || name.hasPrefix("vndservicemanag") {
      self = .vndbinder
    } else if name.hasPrefix("binder") || name.hasPrefix("/dev/binder") || name == "servicemanager"
    {
      self = .binder
    } else {
      return nil
    }
  }
}

/// By name: a report's reader knows no numbers of ours.
extension BinderContext: Codable {
  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let name = try container.decode(String.self)
    guard let context = Self.allCases.first(where: { $0.name == name }) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "'\(name)' is no Binder context")
    }
    self = context
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(name)
  }
}

/// Which context each node of a capture belongs to, told by who receives what is sent to it.
///
/// A capture does not say it. A node has one context for life, and a pool thread that waits for
/// work serves the context that it is named after; so the first thread with a telling name that
/// receives from a node decides. Only what is sent to no thread in particular counts: a thread
/// that waits for an answer gets nested calls of any context. A sender's BC_TRANSACTION_SG, which
/// only hwbinder's library uses, decides too.
struct ContextMap {
  private static let mostNodes = 1 << 18
  private static let mostAwaited = 1 << 15
  /// So often a node's receivers are looked at before it is given up.
  private static let mostTries: UInt8 = 8

  struct Answer: Equatable, Sendable {
    var context: BinderContext
    /// False where nothing tells and the context is the process's only one, or `binder`.
    var isCertain: Bool
  }

  private struct Node {
    var context: BinderContext?
    var tries: UInt8 = 0
  }

  private var nodes: [Node] = []
  private var indexOf = NumberTable()
  /// The nodes that transactions on their way were sent to.
  private var awaited = NumberTable()
  /// Threads whose next transaction is hwbinder's.
  private var scatterGather: Set<Int32> = []
  /// A bit for each context that a process serves.
  private var served: [Int32: UInt8] = [:]
  private var processOf: [UInt32: Int32] = [:]

  /// Whether more events may tell something of this node.
  func isOpen(node: Int32) -> Bool {
    guard node > 0 else { return false }
    guard let index = indexOf[node] else { return nodes.count < Self.mostNodes }
    return nodes[index].context == nil && nodes[index].tries < Self.mostTries
  }

  func isAwaited(_ transaction: UInt32) -> Bool { awaited[transaction] != nil }

  mutating func note(_ record: CaptureRecord) {
    switch record.event {
    case .command:
      if record.event.isScatterGather == true, scatterGather.count < Self.mostAwaited {
        scatterGather.insert(record.thread)
      }
    case .transaction(let event): noteSent(event, by: record.thread)
    case .received(let id): noteReceived(id, by: record.task)
    default: break
    }
  }

  private mutating func noteSent(_ event: TransactionEvent, by thread: Int32) {
    let isScatterGather = !scatterGather.isEmpty && scatterGather.remove(thread) != nil
    guard !event.isReply, event.thread == 0, isOpen(node: event.node) else { return }
    let index: Int
    if let known = indexOf[event.node] {
      index = known
    } else {
      index = nodes.count
      indexOf[event.node] = index
      nodes.append(Node())
    }
    if isScatterGather {
      decide(index, .hwbinder, for: event.process)
      return
    }
    if awaited.count >= Self.mostAwaited {
      awaited = NumberTable()
      processOf.removeAll(keepingCapacity: true)
    }
    awaited[event.id] = index
    processOf[event.id] = event.process
  }

  private mutating func noteReceived(_ id: UInt32, by task: TaskName) {
    guard let index = awaited[id] else { return }
    awaited[id] = nil
    let process = processOf.removeValue(forKey: id) ?? 0
    guard nodes[index].context == nil else { return }
    if let context = BinderContext(thread: task) {
      decide(index, context, for: process)
    } else {
      nodes[index].tries += 1
    }
  }

  private mutating func decide(_ index: Int, _ context: BinderContext, for process: Int32) {
    nodes[index].context = context
    served[process, default: 0] |= 1 << context.rawValue
  }

  /// Where what is sent to `node` of `process` is placed.
  func context(ofNode node: Int32, in process: Int32) -> Answer {
    if node > 0, let index = indexOf[node], let context = nodes[index].context {
      return Answer(context: context, isCertain: true)
    }
    return usual(of: process)
  }

  /// Where something is placed of which only the process is known.
  func usual(of process: Int32) -> Answer {
    let bits = served[process] ?? 0
    let only = BinderContext.allCases.first { bits == 1 << $0.rawValue }
    return Answer(context: only ?? .binder, isCertain: false)
  }
}
