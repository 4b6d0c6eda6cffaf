/// Puts together what a capture, a kernel log and a library's log say of the same refusal.
enum RefusalJoin {
  static func joined(
    captures: [Refusal], log: [Refusal], clients: [ClientReport]
  ) -> [Refusal] {
    var refusals = captures
    var isTaken = [Bool](repeating: false, count: refusals.count)
    for entry in log {
      let index = refusals.indices.first { index in
        index < isTaken.count && !isTaken[index] && isSame(refusals[index], entry)
      }
      if let index {
        isTaken[index] = true
        refusals[index].complete(from: entry)
      } else {
        refusals.append(entry)
      }
    }
    var hasClient = Set<Int>()
    for client in clients where client.isFailure {
      let index = refusals.indices.first { index in
        guard !hasClient.contains(index) else { return false }
        let refusal = refusals[index]
        if let id = client.transaction, let other = refusal.transaction { return id == other }
        guard let process = client.process, refusal.sender == process else { return false }
        return client.thread == nil || refusal.senderThread == nil
          || refusal.senderThread == client.thread
      }
      if let index {
        hasClient.insert(index)
        refusals[index].complete(from: client)
      } else if let refusal = Refusal(client) {
        refusals.append(refusal)
      }
    }
    return refusals
  }

  /// Whether both may be the same: nothing that both know differs.
  private static func isSame(_ capture: Refusal, _ log: Refusal) -> Bool {
    func agrees<T: Equatable>(_ a: T?, _ b: T?) -> Bool {
      guard let a, let b else { return true }
      return a == b
    }
    // The kernel counts a message under another number than its transaction in some versions.
    guard capture.receiver != nil, log.receiver != nil || log.sender != nil else { return false }
    if let requested = log.requested, let other = capture.requested, requested != other {
      return false
    }
    return agrees(capture.receiver, log.receiver) && agrees(capture.sender, log.sender)
      && agrees(capture.senderThread, log.senderThread)
      && (capture.isOneway == log.isOneway || log.kind == nil)
  }
}

extension Refusal {
  /// Takes in what a kernel log knows of the same refusal.
  fileprivate mutating func complete(from log: Refusal) {
    if let theirs = log.free, let ours = free, theirs != ours {
      doubts.append(
        "the capture's buffers leave \(Format.grouped(ours)) bytes free, the log says "
          + "\(Format.grouped(theirs)): what was there before the capture began is not in it")
    }
    requested = log.requested ?? requested
    dataSize = log.dataSize ?? dataSize
    offsetsSize = log.offsetsSize ?? offsetsSize
    kind = kind ?? log.kind
    if let length = log.regionLength {
      regionLength = length
      isRegionAssumed = false
    }
    allocated = log.allocated ?? allocated
    buffers = log.buffers ?? buffers
    largestBuffer = log.largestBuffer ?? largestBuffer
    free = log.free ?? free
    freeRanges = log.freeRanges ?? freeRanges
    largestFree = log.largestFree ?? largestFree
    freeOneway = log.freeOneway ?? freeOneway
    error = error ?? log.error
    if cause == .unknown || log.cause == .onewayExhausted { cause = log.cause }
    driver = driver ?? log.driver
    sources += log.sources
    doubts += log.doubts
  }

  fileprivate mutating func complete(from client: ClientReport) {
    parcelSize = client.parcelSize ?? parcelSize
    error = error ?? client.error
    sources += client.sources
  }

  /// What a library says of a failed call, when no other file knows of it.
  fileprivate init?(_ client: ClientReport) {
    // Other errors have other causes, and are told by the report itself.
    if let error = client.error, error != -28 { return nil }
    sender = client.process
    senderThread = client.thread
    time = client.time
    transaction = client.transaction
    error = client.error
    parcelSize = client.parcelSize
    sources = client.sources
    cause = client.error == -28 ? .noSpace : .noSpaceOrGone
    if let parcel = client.parcelSize {
      dataSize = parcel
      offsetsSize = 0
    }
  }
}
