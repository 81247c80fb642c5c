#include "zarrloom/pipeline/read_part.h"

#include <algorithm>

namespace zarrloom {
namespace {

using Clock = Recorder::Clock;

// Scratch that is offered to the store before an object's size is known.
constexpr std::size_t kMinScratch = std::size_t{64} << 10;
constexpr std::size_t kMaxScratch = std::size_t{16} << 20;

// Times of one read, from when it wanted to begin.
struct Course {
  Clock::time_point began{};
  Clock::time_point asked{};  // the store
};

MutableBytes scratch_for(std::size_t expected, Workspace& workspace) {
  const std::size_t wanted = std::clamp(expected, kMinScratch, kMaxScratch);
  if (workspace.stored.capacity() < wanted) workspace.stored = Bytes(wanted);
  workspace.stored.resize_uninitialized(workspace.stored.capacity());
  return workspace.stored.span();
}

ReadRequest to_read(const PartRequest& request, const FetchControl& control) {
  return {.key = request.key,
          .range = request.range,
          .into = request.into,
          .limit = request.limit,
          .want_version = request.want_version,
          .if_version = request.if_version,
          .cancel = control.cancel,
          .deadline = control.deadline};
}

void record(const Dataset& dataset, const Course& course, const PartAnswer& answer,
            std::string_view key) {
  Recorder& recorder = dataset.runtime->recorder();
  recorder.add(Stage::queue, course.began, course.asked, 0, key);
  recorder.add(Stage::io, course.asked, answer.arrived, answer.result.bytes.size(), key);
  if (answer.result.status == ReadResult::Status::missing) recorder.add(Count::missing_chunks);
}

Gate::Pass enter_store(const Dataset& dataset, Course& course) {
  const IoKind kind = dataset.store->capabilities().kind;
  Gate::Pass place;
  if (kind != IoKind::memory) place = dataset.runtime->limits().io(kind).enter(&course.began);
  course.asked = Clock::now();
  if (course.began == Clock::time_point{}) course.began = course.asked;
  return place;
}

// The store answers inside read(): everything lies on this thread's stack and workspace.
void read_inline(const Dataset& dataset, PartRequest request, const FetchControl& control,
                 const PartDone& done) {
  Workspace& workspace = thread_workspace();
  if (request.into.empty()) request.into = scratch_for(request.expected, workspace);
  Course course;
  Gate::Pass place = enter_store(dataset, course);
  dataset.store->read(to_read(request, control), [&](ReadResult result) {
    PartAnswer answer{std::move(result), Clock::now()};
    place.release();
    record(dataset, course, answer, request.key);
    done(answer);
    // What is above the scratch came in memory of its own: keep that as the next scratch.
    if (!answer.result.owned.empty()) workspace.stored = std::move(answer.result.owned);
  });
}

// A read whose store answers later, and what it needs until then.
struct LateRead {
  const Dataset& dataset;
  std::string key;
  ObjectVersion if_version;
  PartRequest request;  // its key and version are those above
  FetchControl control;
  Continue later;
  PartDone done;
  Course course;
};

void ask(const std::shared_ptr<LateRead>& late, std::shared_ptr<Gate::Pass> place) {
  late->course.asked = Clock::now();
  late->dataset.store->read(
      to_read(late->request, late->control), [late, place = std::move(place)](ReadResult result) {
        const auto answer =
            std::make_shared<PartAnswer>(PartAnswer{std::move(result), Clock::now()});
        place->release();
        record(late->dataset, late->course, *answer, late->key);
        late->later([late, answer] { late->done(*answer); });
      });
}

void read_later(const Dataset& dataset, const PartRequest& request, const FetchControl& control,
                const Continue& later, PartDone done) {
  const auto late = std::make_shared<LateRead>(LateRead{dataset,
                                                        std::string(request.key),
                                                        ObjectVersion(request.if_version),
                                                        request,
                                                        control,
                                                        later,
                                                        std::move(done),
                                                        {Clock::now(), {}}});
  late->request.key = late->key;
  late->request.if_version = late->if_version;
  Gate& gate = dataset.runtime->limits().io(dataset.store->capabilities().kind);
  gate.enter_later(control.cancel, later,
                   [late](std::shared_ptr<Gate::Pass> place) { ask(late, std::move(place)); });
}

}  // namespace

void read_part(const Dataset& dataset, const PartRequest& request, const FetchControl& control,
               const Continue& later, PartDone done) {
  if (dataset.store->capabilities().answers_inline) {
    read_inline(dataset, request, control, done);
  } else {
    read_later(dataset, request, control, later, std::move(done));
  }
}

}  // namespace zarrloom
