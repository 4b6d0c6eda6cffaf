internal import PageAlloc

extension BinderProcess {
  /// The process as text, in the layout of its driver's debug files.
  ///
  /// The C driver's layout for the policies that search as it does, the Rust driver's for the
  /// others. Counts that the engine does not keep (threads, references) are left out.
  public func debugDump() -> String {
    let region = inspect()
    let (statistics, buffers) = (region.statistics, region.buffers)
    return statistics.policy?.search == .c
      ? cDump(statistics, buffers) : rustDump(statistics, buffers)
  }

  private func cDump(_ counts: ProcessStatistics, _ buffers: [BufferDescription]) -> String {
    var lines = [
      "proc \(pid)",
      "context binder",
      "  free async space \(counts.freeOnewaySpace)",
      "  nodes: \(counts.nodeCount)",
      "  buffers: \(counts.bufferCount)",
      "  pages: \(counts.pagesInUse):\(counts.pagesAvailable):\(counts.pagesFree)",
      "  pages high watermark: \(counts.pageHighWatermark)",
      "  pending transactions: \(counts.pendingTransactions)",
    ]
    for buffer in buffers {
      let sizes = "\(buffer.dataSize):\(buffer.offsetsSize):\(buffer.extraSize)"
      let state = buffer.state == .delivered ? "delivered" : "active"
      lines.append(
        "  buffer \(buffer.debugID): \(hexadecimal(buffer.offset)) size \(sizes) \(state)")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func rustDump(_ counts: ProcessStatistics, _ buffers: [BufferDescription]) -> String {
    var lines = [
      "proc \(pid)",
      "context binder",
      "  free oneway space: \(counts.freeOnewaySpace)",
      "  nodes: \(counts.nodeCount)",
      "  buffers: \(counts.bufferCount)",
      "  pages: \(counts.pagesInUse):\(counts.pagesAvailable):\(counts.pagesFree)",
      "  outstanding transactions: \(counts.pendingTransactions)",
    ]
    for buffer in buffers {
      let oneway = buffer.isOneway ? " oneway" : ""
      let state = buffer.state == .beingFilled ? "reserved" : "allocated"
      lines.append(
        "  buffer: \(buffer.offset) size \(buffer.size) pid \(buffer.senderPID)\(oneway) \(state)")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func hexadecimal(_ value: Int) -> String { String(value, radix: 16) }

  /// The two lines that the C driver logs when a buffer of `size` bytes finds no room.
  ///
  /// - Complexity: O(ranges), under the process's lock: ask for it after a failure, not on the way.
  public func exhaustionLog(requested size: Int) -> String {
    inspect().exhaustionLog(requested: size)
  }
}

extension RegionInspection {
  /// The two lines that the C driver logs when a buffer of `size` bytes finds no room. O(buffers).
  public func exhaustionLog(requested size: Int) -> String {
    let live = buffers
    // What lies between two live buffers is one free range.
    var (end, free) = (0, 0)
    for buffer in live {
      if buffer.offset > end { free += 1 }
      end = buffer.offset + buffer.size
    }
    if end < statistics.regionLength { free += 1 }
    return """
      \(statistics.pid): binder_alloc_buf size \(size) failed, no address space
      allocated: \(statistics.bytesInUse) (num: \(live.count) largest: \
      \(live.map(\.size).max() ?? 0)), free: \(statistics.freeBytes) (num: \(free) largest: \
      \(statistics.largestFreeRange))
      """
  }
}
