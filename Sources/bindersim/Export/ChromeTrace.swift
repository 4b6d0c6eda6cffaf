internal import BinderBuffer

/// A recording as Chrome trace events in JSON, which Perfetto and chrome://tracing open.
///
/// Each process has its threads with a slice for every send and receive, arrows from send to
/// receive, a slice for every buffer from send to free, and counters of what its region holds.
struct ChromeTrace {
  private let recording: Recording?
  private let names: [Int32: String]

  init(_ recording: Recording?, names: [Int32: String]) {
    self.recording = recording
    self.names = names
  }

  func write(to file: borrowing OutputFile) throws(CommandError) {
    var out = TextBuffer()
    let leftOut = recording?.log?.leftOut ?? 0
    try out.add(
      """
      {"displayTimeUnit":"ns","otherData":{"tool":"bindersim \(Dispatcher.version)",\
      "eventsLeftOut":\(leftOut)},"traceEvents":[
      {"ph":"M","name":"process_name","pid":0,"tid":0,"args":{"name":"bindersim"}}
      """, to: file)
    if let recording {
      let events = recording.log?.inOrder ?? []
      for line in metadata(events) { try out.add(",\n" + line, to: file) }
      for (pid, track) in recording.tracks.sorted(by: { $0.key < $1.key }) {
        for line in counters(pid, track, recording.grid.width) {
          try out.add(",\n" + line, to: file)
        }
      }
      // A free or receive whose send is not in the log cannot be drawn.
      var sent: [UInt32: SentBuffer] = [:]
      for event in events {
        if case .sent(let buffer) = event.step { sent[buffer.id] = buffer }
        for line in lines(event, sent) { try out.add(",\n" + line, to: file) }
      }
    }
    try out.add("\n]}\n", to: file)
    try out.flush(to: file)
  }

  // MARK: Names and counters

  private func metadata(_ events: [EngineEvent]) -> [String] {
    var threads: [Int32: Set<Int32>] = [:]
    for event in events { threads[event.process, default: []].insert(event.thread) }
    // Regions of processes that did nothing themselves have counters and buffers all the same.
    for pid in recording?.tracks.keys ?? [:].keys { threads[pid, default: []].insert(pid) }
    return threads.sorted { $0.key < $1.key }.flatMap { pid, threads in
      let key = RegionKey(number: pid)
      let context = key.context == .binder ? "" : " \(key.context.name)"
      let name =
        names[key.pid].map { "\($0)\(context) (\(key.pid))" } ?? "process \(key.pid)\(context)"
      return [meta("process_name", pid, pid, name)]
        + threads.sorted().map {
          meta("thread_name", pid, $0, $0 == pid ? "looper" : "thread \($0)")
        }
    }
  }

  private func meta(_ what: String, _ pid: Int32, _ thread: Int32, _ name: String) -> String {
    """
    {"ph":"M","name":"\(what)","pid":\(pid),"tid":\(thread),\
    "args":{"name":\(JSONText.string(name))}}
    """
  }

  private func counters(_ pid: Int32, _ track: ProcessTrack, _ width: UInt64) -> [String] {
    track.columns.enumerated().flatMap { index, column in
      let time = micros(UInt64(index) * width)
      func counter(_ name: String, _ values: String) -> String {
        "{\"ph\":\"C\",\"name\":\"\(name)\",\"pid\":\(pid),\"ts\":\(time),\"args\":{\(values)}}"
      }
      return [
        counter(
          "pages",
          "\"in use\":\(column.pagesInUse.last),"
            + "\"available\":\(column.framedPages.last - column.pagesInUse.last)"),
        counter("free oneway space", "\"bytes\":\(column.freeOneway.low)"),
        counter("bytes in use", "\"bytes\":\(column.bytes.high)"),
        counter("buffers", "\"live\":\(column.buffers.high)"),
      ]
    }
  }

  // MARK: Events

  private func lines(_ event: EngineEvent, _ sent: [UInt32: SentBuffer]) -> [String] {
    switch event.step {
    case .sent(let buffer):
      [
        slice(event, "send \(buffer.kind.name)", arguments(buffer)),
        flow(event, "s", buffer.id),
        span("b", buffer, at: event.time, arguments(buffer)),
      ]
    case .received(let id):
      sent[id].map { buffer in
        [
          slice(event, "receive \(buffer.kind.name)", arguments(buffer)), flow(event, "f", id),
        ]
      } ?? []
    case .freed(let id):
      sent[id].map { [span("e", $0, at: event.time, "")] } ?? []
    case .failed(let buffer, let kind):
      [
        """
        {"ph":"i","s":"p","name":"refused: \(kind)","cat":"failure",\(place(event)),\
        "args":{\(arguments(buffer))}}
        """
      ]
    }
  }

  private func slice(_ event: EngineEvent, _ name: String, _ arguments: String) -> String {
    """
    {"ph":"X","name":"\(name)","cat":"step",\(place(event)),\
    "dur":\(micros(max(1, event.duration))),"args":{\(arguments)}}
    """
  }

  private func flow(_ event: EngineEvent, _ phase: String, _ id: UInt32) -> String {
    let binding = phase == "f" ? "\"bp\":\"e\"," : ""
    return """
      {"ph":"\(phase)",\(binding)"name":"deliver","cat":"flow","id":\(id),\(place(event))}
      """
  }

  /// The start or end of a buffer's life in its receiver's region.
  private func span(
    _ phase: String, _ buffer: SentBuffer, at time: UInt64, _ arguments: String
  ) -> String {
    """
    {"ph":"\(phase)","name":"\(buffer.kind.name) buffers","cat":"buffer","id":"\(buffer.id)",\
    "pid":\(buffer.receiver),"tid":\(buffer.receiver),"ts":\(micros(time)),\
    "args":{\(arguments)}}
    """
  }

  private func place(_ event: EngineEvent) -> String {
    "\"pid\":\(event.process),\"tid\":\(event.thread),\"ts\":\(micros(event.time))"
  }

  private func arguments(_ buffer: SentBuffer) -> String {
    let to = RegionKey(number: buffer.receiver)
    let context = to.context == .binder ? "" : ",\"context\":\"\(to.context.name)\""
    return """
      "transaction":\(buffer.number),"from":\(buffer.sender),"to":\(to.pid)\(context),\
      "code":\(buffer.code),"data":\(buffer.dataSize),"offsets":\(buffer.offsetsSize),\
      "extra":\(buffer.extraSize),"offset":\(buffer.offset),"size":\(buffer.size),\
      "spam":\(buffer.isSpam)\(origin(buffer))
      """
  }

  /// What finds the message again in the capture.
  private func origin(_ buffer: SentBuffer) -> String {
    guard let origin = buffer.origin else { return "" }
    return ",\"line\":\(origin.line),\"recorded\":\"\(ReplayTime.text(origin.nanoseconds))\""
  }

  /// Nanoseconds as microseconds, the format's unit.
  private func micros(_ nanoseconds: UInt64) -> String {
    let fraction = String(nanoseconds % 1000)
    return "\(nanoseconds / 1000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
  }
}
