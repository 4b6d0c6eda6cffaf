import BinderBuffer
import PageAlloc

/// Transactions with any header, sizes, offsets and objects, through `BinderProcess.send` and
/// `BinderProcess.allocate`: what is delivered is what was sent, and what fails leaves nothing behind.
func fuzzTransactions(_ bytes: [UInt8]) throws {
  var input = FuzzInput(bytes)
  let world = try TransactionWorld(&input)
  while !input.isEmpty {
    try world.step(&input)
    try world.context.checkInvariants()
  }
  try world.finish()
}

/// A server that receives, a client that calls it, and the memory that both send from.
private final class TransactionWorld {
  let context: Context
  private let budget: PageBudget
  private let server: BinderProcess
  private let client: BinderProcess
  private let nodes: [Node]
  private let memory = FuzzMemory.shared
  /// What is under way to the server, by debug id.
  private var sent: [UInt32: (message: FuzzedMessage, call: HeldCall)] = [:]
  /// Offsets of buffers that the server holds.
  private var kept: [Int] = []

  init(_ input: inout FuzzInput) throws {
    memory.clear()
    let policy = input.pick(PlacementPolicy.allCases)
    budget = PageBudget(pages: input.pick([1000, 2, 5, 20]))
    context = Context(budget: budget)
    let length = input.pick([16, 1, 3, 64]) * Page.size
    server = try context.makeProcess(pid: 1, regionLength: length, policy: policy)
    client = try context.makeProcess(pid: 2, regionLength: Page.size, policy: policy)
    nodes = [server.makeNode(), server.makeNode()]
  }

  func step(_ input: inout FuzzInput) throws {
    let choice = input.byte()
    let node = nodes[choice >> 4 & 1]
    switch choice & 15 {
    case 0...6: try send(FuzzedMessage(&input, in: memory), to: node)
    case 7: try fillInSteps(&input, to: node)
    case 8...11: try receive(&input, answers: choice & 16 != 0, keeps: choice & 32 != 0)
    case 12, 13: try free(&input)
    case 14: try freeNothing(input.pick([input.short() << 3, input.short(), -8, .max, .min]))
    default: context.reclaim(input.byte())
    }
  }

  /// What both processes hold, as far as failures must not change it.
  private var held: [[Int]] {
    [server, client].map { process in
      let now = process.statistics
      return [
        now.bufferCount, now.bytesInUse, now.freeBytes, now.largestFreeRange, now.freeOnewaySpace,
        now.pagesInUse, now.pendingTransactions, now.outstandingCalls,
      ]
    }
  }

  // MARK: sending

  private func send(_ message: FuzzedMessage, to node: Node) throws {
    let before = held
    do {
      let (transaction, call) = (message.transaction, HeldCall())
      let receipt: Receipt
      if transaction.flags.contains(.oneway) {
        receipt = try client.send(transaction, to: node)
      } else {
        let made = try client.call(transaction, to: node)
        receipt = made.receipt
        call.call = consume made
      }
      try require(message.mayBeAccepted, "accepted: \(message.transaction)")
      try require(
        sent.updateValue((message, call), forKey: receipt.debugID) == nil, "debug id")
    } catch let error as BinderError {
      try require(held, before, "held after \(error)")
    }
  }

  /// Reserves with any sizes and fills at any place; what does not fit is refused.
  private func fillInSteps(_ input: inout FuzzInput, to node: Node) throws {
    let before = held
    let isOneway = input.byte() & 1 == 0
    do {
      let (data, offsets) = (input.size(), input.size() & ~7)
      let (extra, context) = (input.size() & ~7, input.size())
      if isOneway {
        var buffer = try client.allocateOneway(
          dataSize: data, offsetsSize: offsets, extraSize: extra, securityContextSize: context,
          for: node)
        try fill(&buffer, &input)
        if input.byte() & 1 == 0 { _ = try buffer.send() }
      } else {
        var buffer = try client.allocateCall(
          dataSize: data, offsetsSize: offsets, extraSize: extra, securityContextSize: context,
          for: node)
        try fill(&buffer, &input)
        if input.byte() & 1 == 0 { try buffer.call().abandon() }
      }
    } catch let error as BinderError {
      try require(held, before, "held after \(error)")
    }
  }

  private func fill<Kind>(_ buffer: inout Allocation<Kind>, _ input: inout FuzzInput) throws {
    for _ in 0..<input.byte() & 3 {
      let (offset, length) = (input.size(), input.size())
      let fits =
        offset >= 0 && length >= 0 && offset <= buffer.size && length <= buffer.size - offset
      var reader = memory.slice(0, length, .untrusted).reader()
      do throws(BinderError) {
        try buffer.fillZero(at: offset, length: length)
        try buffer.copy(from: &reader, at: offset, length: length)
      } catch {
        try require(!fits || length > FuzzMemory.size, "\(offset), \(length): \(error)")
        continue
      }
      try require(fits, "\(offset), \(length) was accepted by a buffer of \(buffer.size)")
    }
  }

  // MARK: receiving

  private func receive(_ input: inout FuzzInput, answers: Bool, keeps: Bool) throws {
    guard let delivery = try server.receive() else { return }
    if let (message, call) = sent.removeValue(forKey: delivery.debugID) {
      try message.check(delivery)
      if answers, let call = call.call.take() {
        let message = FuzzedMessage(&input, in: memory)
        guard keeps else { return try answer(call, delivery, message) }
        let offset = delivery.keep()
        kept.append(offset)
        return try answer(call, try server.take(at: offset), message, keeping: offset)
      }
    }
    if keeps { kept.append(delivery.keep()) }
  }

  /// Answers a call and takes the reply; the answered buffer goes, or stays kept.
  private func answer(
    _ call: consuming Call, _ delivery: consuming Delivery, _ message: FuzzedMessage,
    keeping offset: Int? = nil
  ) throws {
    do {
      if let offset {
        _ = delivery.keep()
        try server.reply(message.transaction, toBufferAt: offset)
      } else {
        try delivery.reply(message.transaction)
      }
    } catch {
      do throws(BinderError) {
        _ = try call.takeReply()
      } catch {
        return try require(error.kind == .failedReply, "the caller got \(error)")
      }
      throw Finding(description: "the reply failed with \(error), the call did not")
    }
    try require(message.mayBeAccepted, "accepted: \(message.transaction)")
    guard case .replied(let reply) = try call.takeReply() else {
      throw Finding(description: "no reply")
    }
    try message.check(reply)
  }

  // MARK: freeing

  private func free(_ input: inout FuzzInput) throws {
    guard !kept.isEmpty else { return }
    try server.free(at: kept.remove(at: input.byte() % kept.count))
  }

  private func freeNothing(_ offset: Int) throws {
    guard !kept.contains(offset) else { return }
    let before = held
    do {
      try server.free(at: offset)
    } catch {
      try require(error.kind, .invalidArgument, "freeing \(offset)")
      return try require(held, before, "held after freeing \(offset)")
    }
    throw Finding(description: "freed \(offset), where no kept buffer is")
  }

  func finish() throws {
    for offset in kept { try server.free(at: offset) }
    var input = FuzzInput([])
    while try isPending { try receive(&input, answers: false, keeps: false) }
    try require(sent.isEmpty, "\(sent.count) transactions were never received")
    for process in [server, client] {
      let now = process.statistics
      try require(now.bufferCount + now.pagesInUse + now.outstandingCalls, 0, "held at the end")
      try require(now.largestFreeRange, now.regionLength, "the largest free range at the end")
      try require(now.freeOnewaySpace, now.regionLength / 2, "oneway space at the end")
    }
    context.reclaim()
    try require(budget.pagesInUse, 0, "frames at the end")
    try context.checkInvariants()
  }

  private var isPending: Bool {
    get throws { server.statistics.pendingTransactions > 0 }
  }
}

/// The call of a message, if it is one, until somebody takes it.
private final class HeldCall {
  var call: Call?
}
