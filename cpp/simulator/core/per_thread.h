// SPDX-License-Identifier: Apache-2.0
// One value per thread that outlives destructors at process exit: a thread_local object of the main
// thread would be gone when a client's static destructor still calls in.
#pragma once

#include <pthread.h>

#include <new>

namespace mgn::simulator {

template <typename T>
class PerThread {
public:
    PerThread() {
        if (pthread_key_create(&key_, [](void* value) { delete static_cast<T*>(value); }) != 0) {
            throw std::bad_alloc();
        }
    }

    T& get() {
        void* value = pthread_getspecific(key_);
        if (value == nullptr) {
            value = new T();
            pthread_setspecific(key_, value);
        }
        return *static_cast<T*>(value);
    }

private:
    pthread_key_t key_{};
};

}  // namespace mgn::simulator
