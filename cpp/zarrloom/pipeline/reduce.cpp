#include "zarrloom/pipeline/reduce.h"

#include <atomic>
#include <limits>
#include <mutex>

#include "zarrloom/base/strided_copy.h"
#include "zarrloom/pipeline/for_each_chunk.h"
#include "zarrloom/pipeline/merge_tree.h"

namespace zarrloom {
namespace {

Dims kept_only(const Dims& dims, const Dims& reduced) {
  Dims kept;
  for (std::size_t d = 0; d < dims.size(); ++d) {
    if (reduced[d] == 0) kept.push_back(dims[d]);
  }
  return kept;
}

// The block with its reversed dimensions counted from their ends.
Dims from_the_end(const ChunkTask& task, const ReduceRequest& request) {
  Dims start = task.out_start;
  for (std::size_t d = 0; d < start.size(); ++d) {
    if (request.reversed[d] != 0) start[d] = request.selection.count[d] - start[d] - task.count[d];
  }
  return start;
}

// Memory of a block in the request's order, as the decoder sees it: ascending.
ArrayView ascending_view(MutableBytes memory, const ChunkTask& task, const Dims& reversed,
                         std::size_t item_size) {
  ArrayView view = c_view(memory, task.count, item_size);
  for (std::size_t d = 0; d < reversed.size(); ++d) {
    if (reversed[d] == 0 || task.count[d] == 1) continue;
    view.data += view.strides[d] * (task.count[d] - 1);
    view.strides[d] = -view.strides[d];
  }
  return view;
}

// Chunks that share outputs are a column. Columns follow one another, so that few are unfinished
// at one time.
class ColumnOrder {
 public:
  ColumnOrder(const Dims& tasks, const Dims& reduced) : tasks_(tasks), reduced_(reduced) {
    for (std::size_t d = 0; d < tasks.size(); ++d) {
      if (reduced[d] != 0) in_column_ *= tasks[d];
    }
  }

  struct Place {
    std::int64_t column;
    std::int64_t leaf;  // number in the column
  };
  std::int64_t in_column() const { return in_column_; }
  Place place(std::int64_t i) const { return {i / in_column_, i % in_column_}; }

  // The plan's number of the i-th chunk.
  std::int64_t task(std::int64_t i) const {
    Place rest = place(i);
    std::int64_t number = 0, stride = 1;
    for (std::size_t d = tasks_.size(); d-- > 0;) {
      std::int64_t& from = reduced_[d] != 0 ? rest.leaf : rest.column;
      number += (from % tasks_[d]) * stride;
      from /= tasks_[d];
      stride *= tasks_[d];
    }
    return number;
  }

 private:
  const Dims tasks_;
  const Dims reduced_;
  std::int64_t in_column_ = 1;
};

constexpr std::size_t kMostBytes = std::numeric_limits<std::ptrdiff_t>::max();

using StatisticsPtr = std::unique_ptr<Statistics>;

// Those that were merged into others serve again: new memory costs more than what is done with it.
class SpareStatistics {
 public:
  StatisticsPtr take() {
    const std::lock_guard lock(mutex_);
    if (spare_.empty()) return nullptr;
    StatisticsPtr one = std::move(spare_.back());
    spare_.pop_back();
    return one;
  }
  void give(StatisticsPtr one) {
    const std::lock_guard lock(mutex_);
    spare_.push_back(std::move(one));
  }

 private:
  std::mutex mutex_;
  std::vector<StatisticsPtr> spare_;  // guarded by mutex_
};

class Reduction {
 public:
  Reduction(const Dataset& dataset, const ReduceRequest& request)
      : dataset_(dataset),
        request_(request),
        plan_(dataset.shape, dataset.chunk_grid, request.selection),
        order_(plan_.tasks(), request.reduced),
        tree_(std::max<std::int64_t>(order_.in_column(), 1)),
        outputs_(kept_only(request.selection.count, request.reduced)) {
    const auto outputs = static_cast<std::size_t>(checked_product(outputs_, "number of results"));
    for (const Statistic statistic : request.statistics.wanted) {
      const std::size_t size = item_size(statistic);
      if (outputs > kMostBytes / size) {
        fail(ErrorCode::out_of_memory, std::to_string(outputs) + " results are too many");
      }
      results_.emplace_back(outputs * size);
    }
  }

  std::int64_t chunk_count() const { return plan_.task_count(); }
  bool met_missing() const { return met_missing_; }
  std::vector<Bytes> take_results() { return std::move(results_); }

  // Reduces chunk i: into the thread's own memory if the store answers at once.
  void step(std::int64_t i, const Continue& later, const FetchControl& control, RequestDone done) {
    const auto task = std::make_shared<const ChunkTask>(plan_.task(order_.task(i)));
    const std::size_t size = byte_size(*task);
    std::shared_ptr<Bytes> owned;
    MutableBytes memory;
    if (dataset_.store->capabilities().answers_inline) {
      Bytes& scratch = thread_workspace().decoded;
      scratch.resize_uninitialized(size);
      memory = scratch.span();
    } else {
      owned = std::make_shared<Bytes>(size);
      memory = owned->span();
    }
    const auto finish = [this, i, task, owned, memory, done = std::move(done)](
                            std::optional<Failure> failure, ChunkState state) {
      if (!failure) failure = add(i, *task, state, memory);
      done(std::move(failure));
    };
    FetchControl unfilled = control;
    unfilled.fill_missing = false;
    fetch(dataset_, Unit::chunk, *task,
          ascending_view(memory, *task, request_.reversed, dataset_.item_size()), later, finish,
          unfilled);
  }

  // As if every element was the fill value: for what does not depend on elements.
  void add_unread() {
    const Selection& all = request_.selection;
    const ChunkTask task{{},   all.start, all.step, all.count, Dims::filled(all.count.size(), 0),
                         false};
    const BlockShape shape = block_shape(task);
    StatisticsPtr statistics = make(shape);
    statistics->add_repeated(shape, dataset_.fill_element());
    write(shape, *statistics);
  }

 private:
  std::size_t item_size(Statistic statistic) const {
    return statistic_size(statistic, request_.statistics, dataset_.dtype());
  }

  std::size_t byte_size(const ChunkTask& task) const {
    return static_cast<std::size_t>(checked_product(task.count, "chunk")) * dataset_.item_size();
  }

  BlockShape block_shape(const ChunkTask& task) const {
    return {task.count, request_.reduced, from_the_end(task, request_), request_.selection.count};
  }

  StatisticsPtr make(const BlockShape& shape) {
    StatisticsPtr spare = spare_.take();
    if (!spare) return make_statistics(request_.statistics, dataset_.dtype(), shape);
    spare->clear(shape);
    return spare;
  }

  std::optional<Failure> add(std::int64_t i, const ChunkTask& task, ChunkState state,
                             ByteView data) noexcept try {
    const BlockShape shape = block_shape(task);
    StatisticsPtr statistics = make(shape);
    if (state == ChunkState::missing) {
      met_missing_.store(true, std::memory_order_relaxed);
      statistics->add_repeated(shape, dataset_.fill_element());
    } else {
      statistics->add(shape, data);
    }
    const ColumnOrder::Place place = order_.place(i);
    const auto merge = [this](StatisticsPtr& a, StatisticsPtr& b) {
      a->merge(*b);
      spare_.give(std::move(b));
    };
    if (tree_.put(place.column, place.leaf, statistics, merge)) {
      write(shape, *statistics);
      spare_.give(std::move(statistics));
    }
    return std::nullopt;
  } catch (const Error& error) {
    return error.failure();
  } catch (...) {
    return fetch_failure(dataset_, Unit::chunk, task.chunk, current_failure());
  }

  // Each column has its own part of the results: no lock.
  void write(const BlockShape& shape, const Statistics& statistics) {
    const Dims count = kept_only(shape.count, shape.reduced);
    const Dims start = kept_only(shape.start, shape.reduced);
    const Dims steps = Dims::filled(count.size(), 1);
    for (std::size_t s = 0; s < results_.size(); ++s) {
      const Statistic statistic = request_.statistics.wanted[s];
      const std::size_t size = item_size(statistic);
      Bytes column(static_cast<std::size_t>(shape.outputs()) * size);
      statistics.write(statistic, column.span());
      const ArrayView whole = c_view(results_[s].span(), outputs_, size);
      strided_copy(c_view(column.view(), count, size), sub_view(whole, start, steps, count));
    }
  }

  const Dataset& dataset_;
  const ReduceRequest& request_;
  const Plan plan_;
  const ColumnOrder order_;
  SpareStatistics spare_;
  MergeTree<StatisticsPtr> tree_;
  const Dims outputs_;          // kept extents of the selection
  std::vector<Bytes> results_;  // threads write disjoint parts
  std::atomic<bool> met_missing_ = false;
};

bool needs_elements(Statistic statistic) {
  return statistic == Statistic::min || statistic == Statistic::max ||
         statistic == Statistic::argmin || statistic == Statistic::argmax;
}

// As numpy: an extreme of nothing is an error where there is a result at all.
void check_not_empty(const ReduceRequest& request) {
  bool no_elements = false;
  for (std::size_t d = 0; d < request.reduced.size(); ++d) {
    if (request.selection.count[d] != 0) continue;
    if (request.reduced[d] == 0) return;  // no results
    no_elements = true;
  }
  if (!no_elements) return;
  for (const Statistic statistic : request.statistics.wanted) {
    if (!needs_elements(statistic)) continue;
    fail(ErrorCode::invalid_argument, "a selection of shape " + to_string(request.selection.count) +
                                          " has no elements, so that there is no " +
                                          std::string(statistic_name(statistic)));
  }
}

bool reads_nothing(const Dataset& dataset, const StatisticsOptions& options) {
  const Kind kind = dataset.dtype().kind;
  const bool looks = options.skipna && (kind == Kind::floating || kind == Kind::complex);
  for (const Statistic statistic : options.wanted) {
    if (statistic != Statistic::count || looks) return false;
  }
  return true;
}

void check_request(const Dataset& dataset, const ReduceRequest& request) {
  check_selection(request.selection, dataset.shape);
  if (request.reduced.size() != dataset.shape.size() ||
      request.reversed.size() != dataset.shape.size()) {
    fail(ErrorCode::invalid_argument, "a reduction has an entry for each dimension of the array");
  }
  checked_product(request.selection.count, "number of elements");
  check_statistics(request.statistics, dataset.dtype());
  if (request.statistics.wants(Statistic::histogram)) {
    if (!request.statistics.bins) fail(ErrorCode::invalid_argument, "a histogram needs bins");
    if (!kept_only(request.reduced, request.reduced).empty()) {
      fail(ErrorCode::invalid_argument, "a histogram is of all elements: it takes no axis");
    }
  }
  check_not_empty(request);
}

}  // namespace

std::vector<Bytes> reduce_selection(Runtime& runtime, const Dataset& dataset,
                                    const ReduceRequest& request, const CallOptions& options) {
  check_request(dataset, request);
  Reduction reduction(dataset, request);
  if (reduction.chunk_count() == 0 || reads_nothing(dataset, request.statistics)) {
    reduction.add_unread();
    return reduction.take_results();
  }
  for_each_chunk(
      runtime, dataset, work_on(dataset, Unit::chunk, reduction.chunk_count()), options,
      [&reduction](std::int64_t i, const Continue& later, const FetchControl& control,
                   RequestDone done) { reduction.step(i, later, control, std::move(done)); });
  if (reduction.met_missing()) check_still_there(dataset);
  return reduction.take_results();
}

}  // namespace zarrloom
