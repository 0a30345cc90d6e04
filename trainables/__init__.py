"""What one trial does: data, formats, encoder, training, stages and the store."""
